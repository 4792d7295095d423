/** Key of a work's resolved options; inside the package only. */
export const OPTIONS: unique symbol = Symbol.for('stormkite.work.options') as never;
