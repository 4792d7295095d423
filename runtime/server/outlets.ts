/**
 * What connections have been given and not taken yet: bounded for all of them together, however slowly they read.
 *
 * O1 A connection is given a piece at a time, and holds no more than that itself; what it was given is kept once, however
 *    many connections are in the middle of it.
 * O2 While more is kept than the limit, nothing large is begun. So no more is kept than the limit and the largest of them.
 * O3 A connection that takes nothing for a while is cut, sooner while others wait for room: so room always comes.
 */

/** Bytes that a connection is given at a time. */
const PIECE_BYTES = 64 * 1024;
export interface OutletLimits {
  /** Bytes that are kept for all connections before nothing large is begun. */
  readonly bytes: number;
  /** How often connections that take nothing are looked for, in milliseconds. */
  readonly lookMs: number;
  /** Looks in a row at which a connection may have taken nothing. A process that was busy itself has not looked. */
  readonly stalledLooks: number;
  /** The same while others wait for room. */
  readonly pressedLooks: number;
}

export const defaultOutletLimits: OutletLimits = {
  bytes: 64 * 1024 * 1024,
  lookMs: 1_000,
  stalledLooks: 30,
  pressedLooks: 10,
};

/** A connection as its bytes see it. */
export interface Wire {
  /** Whether it takes more without keeping it; when it does again, {@link Outlet.flow} is called. */
  readonly isReady: boolean;
  /** @param isLast - whether what was sent is complete with it */
  write(piece: Buffer, isLast: boolean): void;
  /** Ends it after what was written. */
  end(): void;
  /** Breaks it; {@link Outlet.leave} is called for it as for any other end. */
  cut(): void;
}

export interface OutletHearers {
  /** It may be given more. */
  onReady(): void;
  /** It is over; called once, whoever ended it. */
  onEnd(): void;
}

/** All connections of a server. */
export class Outlets {
  readonly #limits: OutletLimits;
  readonly #open = new Set<Outlet>();
  readonly #shared = new Map<Buffer, number>();
  #bytes = 0;
  #wasFull = false;
  #timer: NodeJS.Timeout | null = null;
  #waiting: (() => void)[] = [];

  constructor(limits: Partial<OutletLimits> = {}) {
    this.#limits = { ...defaultOutletLimits, ...limits };
  }

  /** Bytes that are kept for connections. */
  get heldBytes(): number {
    return this.#bytes;
  }

  get isFull(): boolean {
    return this.#bytes >= this.#limits.bytes;
  }

  open(wire: Wire, hearers: OutletHearers): Outlet {
    const outlet = new Outlet(wire, this, hearers);
    this.#open.add(outlet);
    this.#timer ??= setInterval(() => this.look(), this.#limits.lookMs).unref();
    return outlet;
  }

  close(outlet: Outlet): void {
    this.#open.delete(outlet);
    if (this.#open.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Whether something may be begun now. */
  hasRoomFor(bytes: Buffer): boolean {
    return !this.isFull || bytes.length <= PIECE_BYTES || this.#shared.has(bytes);
  }

  /** Resolves when there is room. */
  async room(): Promise<void> {
    while (this.isFull) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Counts what somebody else keeps for a connection; negative when it is not kept any more. */
  count(bytes: number): void {
    this.#bytes += bytes;
    if (this.isFull) this.#wasFull = true;
    else if (this.#wasFull) this.#wake();
  }

  hold(bytes: Buffer): void {
    const holders = this.#shared.get(bytes) ?? 0;
    this.#shared.set(bytes, holders + 1);
    if (holders === 0) this.count(bytes.length);
  }

  release(bytes: Buffer): void {
    const holders = this.#shared.get(bytes) ?? 0;
    if (holders > 1) {
      this.#shared.set(bytes, holders - 1);
      return;
    }
    if (this.#shared.delete(bytes)) this.count(-bytes.length);
  }

  /** Looks for connections that take nothing, and cuts those at which it was so too often (O3). */
  look(): void {
    const { stalledLooks, pressedLooks } = this.#limits;
    const most = this.isFull ? pressedLooks : stalledLooks;
    for (const outlet of this.#open) if (outlet.look() > most) outlet.cut();
  }

  /** Not at once: whoever made room is in the middle of something. */
  #wake(): void {
    this.#wasFull = false;
    setImmediate(() => {
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const resolve of waiting) resolve();
      for (const outlet of this.#open) outlet.flow();
    });
  }
}

/** One connection. */
export class Outlet {
  readonly #wire: Wire;
  readonly #outlets: Outlets;
  readonly #hearers: OutletHearers;
  /** What it is in the middle of. */
  #bytes: Buffer | null = null;
  #sent = 0;
  /** Looks since it last took something. */
  #looks = 0;
  #isOver = false;

  constructor(wire: Wire, outlets: Outlets, hearers: OutletHearers) {
    this.#wire = wire;
    this.#outlets = outlets;
    this.#hearers = hearers;
  }

  /** Whether it takes something new now. */
  get isReady(): boolean {
    return !this.#isOver && this.#bytes === null && this.#wire.isReady;
  }

  /** Looks whether it takes nothing; gives how often in a row that was so. */
  look(): number {
    this.#looks = this.isReady ? 0 : this.#looks + 1;
    return this.#looks;
  }

  /** Sends something as fast as the connection takes it; only while {@link isReady}. */
  send(bytes: Buffer): void {
    this.#looks = 0;
    if (bytes.length <= PIECE_BYTES) {
      this.#wire.write(bytes, true);
      return;
    }
    this.#outlets.hold(bytes);
    this.#bytes = bytes;
    this.#sent = 0;
    this.#push();
  }

  /** The connection takes more. */
  flow(): void {
    if (this.#isOver || !this.#wire.isReady) return;
    this.#looks = 0;
    this.#push();
    if (this.isReady) this.#hearers.onReady();
  }

  /** Ends it after what was sent, which it has to take like everything else. */
  end(): void {
    if (this.#isOver) return;
    if (this.#bytes !== null) this.#wire.write(this.#bytes.subarray(this.#sent), true);
    this.#finish();
    this.#wire.end();
  }

  /** Breaks it, so that the reader does not take what it got for all. */
  cut(): void {
    this.leave();
    this.#wire.cut();
  }

  /** The connection is over. */
  leave(): void {
    this.#outlets.close(this);
    if (!this.#isOver) this.#finish();
  }

  #finish(): void {
    this.#isOver = true;
    this.#drop();
    this.#hearers.onEnd();
  }

  #push(): void {
    while (this.#bytes !== null && this.#wire.isReady) {
      const end = Math.min(this.#sent + PIECE_BYTES, this.#bytes.length);
      // A copy: the connection would keep all of what it is a part of.
      const piece = Buffer.from(this.#bytes.subarray(this.#sent, end));
      this.#sent = end;
      const isLast = end === this.#bytes.length;
      if (isLast) this.#drop();
      this.#wire.write(piece, isLast);
    }
  }

  #drop(): void {
    if (this.#bytes !== null) this.#outlets.release(this.#bytes);
    this.#bytes = null;
  }
}
