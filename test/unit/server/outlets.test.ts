import { beforeEach, describe, test } from 'vitest';
import type { CommittedTurn } from '../../../runtime/protocol/events.ts';
import { Feed } from '../../../runtime/server/feed.ts';
import type { Frame } from '../../../runtime/server/frame.ts';
import { History } from '../../../runtime/server/history.ts';
import { Outlets, type Outlet, type Wire } from '../../../runtime/server/outlets.ts';
import type { Reader, StreamType } from '../../../runtime/server/reader.ts';
import { until } from '../../support/until.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
/** About what one state of these tests takes. */
const STATE_BYTES = MiB;
const LIMIT_BYTES = 4 * MiB;

/** A connection that takes as much as it is told to. */
class ScriptedWire implements Wire {
  readonly written: Buffer[] = [];
  isReady = true;
  isCut = false;
  takesAll = false;

  write(piece: Buffer): void {
    this.written.push(piece);
    // Small things go into what the system keeps.
    this.isReady = this.takesAll || piece.length < KiB;
  }

  end(): void {}

  cut(): void {
    this.isCut = true;
  }

  get text(): string {
    return Buffer.concat(this.written).toString('utf8');
  }
}

describe('readers that do not read', () => {
  let outlets: Outlets;
  let history: History;
  let feed: Feed;
  beforeEach(() => {
    outlets = new Outlets({ bytes: LIMIT_BYTES, stalledLooks: 3, pressedLooks: 1 });
    history = new History({ turns: 10, bytes: 2 * MiB });
    feed = new Feed({ subscribe: () => () => undefined }, history);
    change();
  });

  /** A version whose turn and state are large. */
  function change(): void {
    const version = history.newest + 1;
    const ops = [
      { op: 'replace' as const, path: '', value: { n: version, x: 'x'.repeat(STATE_BYTES) } },
    ];
    const turn: CommittedTurn = { version, at: 0, ops, sources: [{ source: 'flow', ops: 1 }] };
    history.add(turn);
  }

  function connect(wire: ScriptedWire, types: readonly StreamType[] = ['turn']): Outlet {
    let reader: Reader | null = null;
    const outlet = outlets.open(wire, {
      onReady: () => reader?.pump(),
      onEnd: () => feed.leave(reader),
    });
    reader = feed.open(
      {
        get isReady() {
          return outlet.isReady;
        },
        get hasRoom() {
          return !outlets.isFull;
        },
        hasRoomFor: (frame: Frame) => outlets.hasRoomFor(frame.sse),
        send: (frame: Frame) => outlet.send(frame.sse),
        ping: () => undefined,
        end: () => outlet.end(),
      },
      { types: new Set(types), pointer: '', lastId: null },
    );
    return outlet;
  }

  test('are given the limit and one state at most, however many they are and whatever versions they are at', ({
    expect,
  }) => {
    const wires: ScriptedWire[] = [];
    for (let n = 0; n < 60; n += 1) {
      wires.push(new ScriptedWire());
      connect(wires[n] ?? new ScriptedWire());
      change();
      expect(outlets.heldBytes).toBeLessThan(LIMIT_BYTES + STATE_BYTES + KiB);
    }
    expect(outlets.heldBytes).toBeGreaterThan(LIMIT_BYTES);
    // Of what it was given, no connection keeps more than a piece; those for which there is no room have got nothing.
    for (const { written } of wires) {
      const kept = written.reduce((sum, piece) => sum + piece.buffer.byteLength, 0);
      expect(kept).toBeLessThanOrEqual(64 * KiB);
    }
    expect(wires.filter(({ written }) => written.length > 0)).toHaveLength(4);
  });

  test('share what they are given while it is the newest version', ({ expect }) => {
    for (let n = 0; n < 60; n += 1) connect(new ScriptedWire());
    expect(outlets.heldBytes).toBeLessThan(STATE_BYTES + KiB);
  });

  test('make room for those who wait, who get the newest version then', async ({ expect }) => {
    const stalled = Array.from({ length: 5 }, () => new ScriptedWire());
    for (const wire of stalled) {
      connect(wire);
      change();
    }
    const waiting = new ScriptedWire();
    waiting.takesAll = true;
    connect(waiting);
    expect(waiting.text).toBe('');
    outlets.look();
    expect(stalled.filter(({ isCut }) => isCut)).toEqual([]);
    change();
    outlets.look();
    expect(stalled.filter(({ isCut }) => isCut)).toHaveLength(4);
    await until('there is room', () => waiting.text !== '');
    expect(waiting.text).toContain(`"version":${history.newest},`);
  });

  test('are cut when they took nothing look after look, those who take a little are not', ({
    expect,
  }) => {
    const [stalled, slow, idle] = [new ScriptedWire(), new ScriptedWire(), new ScriptedWire()];
    connect(stalled);
    const outlet = connect(slow);
    connect(idle, ['log']);
    for (let look = 0; look < 4; look += 1) {
      expect(stalled.isCut).toBe(false);
      slow.isReady = true;
      outlet.flow();
      outlets.look();
    }
    expect([stalled.isCut, slow.isCut, idle.isCut]).toEqual([true, false, false]);
    expect(feed.readers).toBe(2);
    expect(slow.written).toHaveLength(5);
  });

  test('cost nothing once they are gone', ({ expect }) => {
    const open: Outlet[] = [];
    for (let n = 0; n < 10; n += 1) {
      open.push(connect(new ScriptedWire()));
      change();
    }
    for (const outlet of open) outlet.leave();
    expect([outlets.heldBytes, feed.readers]).toEqual([0, 0]);
  });
});
