/** The machine's GPUs, each given to one work at a time. */
export class GpuPool {
  readonly #detect: () => Promise<readonly number[]>;
  readonly #holders = new Map<number, string>();
  #devices: Promise<readonly number[]> | null = null;

  /** @param detect - asked once, when the first GPU is wanted */
  constructor(detect: () => Promise<readonly number[]>) {
    this.#detect = detect;
  }

  /**
   * Takes devices for a holder. On a machine with fewer than `count` it takes all there are.
   *
   * @returns `none` when the machine has no GPU at all, `busy` when too few are free
   */
  async take(count: number, holder: string): Promise<readonly number[] | 'none' | 'busy'> {
    this.#devices ??= this.#detect();
    const devices = await this.#devices;
    if (devices.length === 0) return 'none';
    const free = devices.filter((device) => !this.#holders.has(device));
    const wanted = Math.min(count, devices.length);
    if (free.length < wanted) return 'busy';
    const taken = free.slice(0, wanted);
    for (const device of taken) this.#holders.set(device, holder);
    return taken;
  }

  giveBack(holder: string): void {
    for (const [device, by] of this.#holders) if (by === holder) this.#holders.delete(device);
  }
}
