/**
 * Decides in which order the requests of several clients reach the table, and their answers the clients.
 *
 * Every request waits at the gate before it is sent and before its answer is given. Only when nothing moves any more does the
 * next choice say which of the waiting ones goes on. An answer may also get lost.
 */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { aroundRequests, networkError } from './requests.ts';

/** Looks at an unchanged gate before nothing is taken to move. */
const CALM_LOOKS = 4;

export interface Choice {
  /** Which of those that wait. */
  readonly pick: number;
  readonly losesAnswer: boolean;
}

export class Interleaver {
  readonly #waiting: { readonly go: () => void }[] = [];
  readonly #choices: readonly Choice[];
  #next = 0;
  #underWay = 0;
  #isOpen = false;

  constructor(choices: readonly Choice[]) {
    this.#choices = choices;
  }

  /** Lets a client's requests pass here. */
  watch(client: DynamoDBClient): void {
    aroundRequests(client, async (_request, send) => {
      await this.#gate();
      this.#underWay += 1;
      const answer = await send().finally(() => {
        this.#underWay -= 1;
      });
      const { losesAnswer } = await this.#gate();
      if (losesAnswer) throw networkError();
      return answer;
    });
  }

  /** Drives until `over` resolves; afterwards everything passes. */
  async drive(over: Promise<unknown>): Promise<void> {
    let isOver = false;
    const end = over.finally(() => {
      isOver = true;
    });
    while (!isOver) {
      await this.#calm(() => isOver);
      this.#waiting.splice(this.#choice().pick % Math.max(1, this.#waiting.length), 1)[0]?.go();
      this.#next += 1;
    }
    this.#isOpen = true;
    for (const { go } of this.#waiting.splice(0)) go();
    await end;
  }

  async #calm(isOver: () => boolean): Promise<void> {
    for (let looks = 0; looks < CALM_LOOKS && !isOver();) {
      const before = this.#waiting.length;
      await new Promise((resolve) => setTimeout(resolve, 1));
      const isCalm = this.#underWay === 0 && before > 0 && before === this.#waiting.length;
      looks = isCalm ? looks + 1 : 0;
    }
  }

  #gate(): Promise<Choice> {
    if (this.#isOpen) return Promise.resolve({ pick: 0, losesAnswer: false });
    return new Promise((resolve) => {
      this.#waiting.push({ go: () => resolve(this.#choice()) });
    });
  }

  /** Beyond the last choice the first that waits goes on, and no answer is lost. */
  #choice(): Choice {
    return this.#choices[this.#next] ?? { pick: 0, losesAnswer: false };
  }
}
