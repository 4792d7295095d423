/** An amount as people read it: cents, or more digits where it is less than one. */
export function dollars(amount: number): string {
  const digits = amount !== 0 && Math.abs(amount) < 1 ? 4 : 2;
  return `$${amount.toFixed(digits)}`;
}
