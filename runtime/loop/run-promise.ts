/**
 * The promise that a child flow's asynchronous `run` gives its caller: it knows whether anybody listens.
 *
 * Awaiting a subclass of Promise goes through `then`, so a promise that nobody awaited can be told from one whose
 * rejection was swallowed.
 */
export class RunPromise<T> extends Promise<T> {
  heard = false;

  /** Derived promises are plain ones. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  // oxlint-disable-next-line unicorn/no-thenable -- a promise that knows who listens is what this is
  override then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.heard = true;
    return super.then(onFulfilled, onRejected);
  }

  /** Settles when this one does, without counting as listening. */
  quietly(): Promise<PromiseSettledResult<T>> {
    return new Promise((resolve) => {
      super.then(
        (value) => resolve({ status: 'fulfilled', value }),
        (reason: unknown) => resolve({ status: 'rejected', reason }),
      );
    });
  }
}
