/** An error as AWS itself would answer it: it goes over the wire to the caller, and never to a user of ours. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';
  /** As SDKs name the exception. */
  readonly code: string;
  /** HTTP status. */
  readonly status: number;
  /** More members of the answer. */
  readonly data: Readonly<Record<string, unknown>>;

  constructor(
    code: string,
    message: string,
    { status = 400, data = {} }: { status?: number; data?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(message);
    this.code = code;
    this.status = status;
    this.data = data;
  }
}
