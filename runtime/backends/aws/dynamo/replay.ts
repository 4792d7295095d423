/** What a snapshot and the records behind it add up to. */
import { foldTurn, type StoredApp } from '../../../protocol/turn-record.ts';
import { damaged, parseDrops, parseKeys, parseTurn, type Upgrades } from './records.ts';
import { readSnapshot, type Pointer } from './snapshots.ts';
import { logKey, readLog, type LogPlace, type LogRecord } from './turn-log.ts';

/** Reads a log from its snapshot on; {@link more} goes on where the last one ended. */
export class Replay {
  app: StoredApp | null;
  /** Of the last record that was read. */
  position: number;
  /** Highest fence in the log. */
  fence = 0;
  /** Turn records behind the snapshot. */
  turns = 0;
  turnChars = 0;
  /** Deltas that go, up to an epoch, by key of their work. */
  readonly drops: Map<string, number>;
  /** Keys whose deltas a clearing removes that no turn follows, so that it may not be complete. */
  clearing: readonly string[] | null = null;
  readonly #place: LogPlace;
  readonly #upgrades: Upgrades;

  private constructor(
    place: LogPlace,
    upgrades: Upgrades,
    pointer: Pointer,
    app: StoredApp | null,
  ) {
    this.#place = place;
    this.#upgrades = upgrades;
    this.app = app;
    this.position = pointer.position;
    this.drops = parseDrops(pointer.drop, place.table);
  }

  /** @throws `STORE_DAMAGED`, `STORE_VERSION_UNKNOWN` */
  static async from(place: LogPlace, pointer: Pointer, upgrades: Upgrades): Promise<Replay> {
    const app = await readSnapshot(place, pointer, upgrades);
    const replay = new Replay(place, upgrades, pointer, app);
    await replay.more();
    return replay;
  }

  /** Adds the records that came since. */
  async more(): Promise<void> {
    for await (const record of readLog(this.#place, this.position)) this.#add(record);
  }

  /** Our own record stands behind what was read. */
  claimed(): void {
    this.position += 1;
  }

  #add(record: LogRecord): void {
    this.position = record.position;
    this.fence = Math.max(this.fence, record.fence);
    if (record.kind === 'claim') return;
    const { table } = this.#place;
    const key = logKey(record.position);
    const place = { table, key, storeVersion: record.storeVersion, upgrades: this.#upgrades };
    if (record.kind === 'clear') {
      this.app = null;
      this.clearing = parseKeys(record.text, place);
      return;
    }
    const turn = parseTurn(record.text, place);
    const before = this.app ?? { version: 0, document: {}, marks: {}, meta: {} };
    if (turn.version !== before.version + 1)
      throw damaged(table, `${key} has version ${turn.version} after ${before.version}`);
    this.app = foldTurn(before, turn);
    this.clearing = null;
    this.turns += 1;
    this.turnChars += record.text.length;
    for (const [work, epoch] of parseDrops(record.drop, table)) this.drops.set(work, epoch);
  }
}
