/** Where a value sits, in the two ways in which errors name it. */
export interface Place {
  /** As the user writes it: `Train.history[3].when`. */
  readonly subject: string;
  /** From the root of the app: `root.train.history.3.when`. */
  readonly at: string | undefined;
}

/** Makes a place; called only when an error is about to be thrown. */
export type Origin = () => Place;

/** A key of an object or an index of an array. */
export type Step = string | number;

const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;

/** The place below another. */
export function extendPlace({ subject, at }: Place, steps: readonly Step[]): Place {
  return {
    subject: subject + steps.map(toAccess).join(''),
    at: at === undefined ? undefined : [at, ...steps].join('.'),
  };
}

function toAccess(step: Step): string {
  if (typeof step === 'number') return `[${step}]`;
  return IDENTIFIER.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`;
}
