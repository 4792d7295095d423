/**
 * An object of the CDK as the interface that it implements.
 *
 * Optional properties of its classes may be `undefined`, those of its interfaces may only be absent; our compiler settings
 * (`exactOptionalPropertyTypes`) tell these apart, the CDK's do not.
 */
export function asInterface<I extends object>(value: { [K in keyof I]: I[K] | undefined }): I {
  return value as I;
}
