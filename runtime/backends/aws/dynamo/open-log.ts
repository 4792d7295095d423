import { randomUUID } from 'node:crypto';
import { STORE_VERSION } from '../../../protocol/version.ts';
import type { Lease } from './lease.ts';
import type { Upgrades } from './records.ts';
import { Replay } from './replay.ts';
import { touchPointer, type Pointer } from './snapshots.ts';
import { putRecord, type LogPlace } from './turn-log.ts';

export interface OpenedLog {
  readonly pointer: Pointer;
  /** Ends with our claim. */
  readonly replay: Replay;
}

/**
 * Takes a log over: touches the pointer, reads all there is, puts a claim behind it (`turn-log.ts` G2).
 *
 * @returns `fenced` when a newer holder is there already
 * @throws `STORE_DAMAGED`, `STORE_VERSION_UNKNOWN`
 */
export async function openLog(
  place: LogPlace,
  { fence, lost }: Lease,
  upgrades: Upgrades,
): Promise<OpenedLog | 'fenced'> {
  const pointer = await touchPointer(place, fence);
  if (pointer === 'fenced') return 'fenced';
  const replay = await Replay.from(place, pointer, upgrades);
  const writer = randomUUID();
  for (;;) {
    if (replay.fence > fence) return 'fenced';
    const position = replay.position + 1;
    const claim = {
      position,
      kind: 'claim',
      fence,
      storeVersion: STORE_VERSION,
      text: '{}',
    } as const;
    const result = await putRecord(place, { ...claim, drop: undefined }, writer, lost);
    if (result === 'written') {
      replay.claimed();
      return { pointer, replay };
    }
    // An earlier holder, which does not know of us yet, was quicker.
    await replay.more();
  }
}
