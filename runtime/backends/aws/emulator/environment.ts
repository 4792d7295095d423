/** The variables that lead SDKs to the emulator instead of AWS. */

/** Suffixes of `AWS_ENDPOINT_URL_` of the services that the emulator has. */
const SERVICES = ['ECS', 'EC2', 'AUTO_SCALING', 'S3', 'CLOUDWATCH_LOGS', 'SSM', 'SECRETS_MANAGER'];
const DYNAMODB_SERVICES = ['DYNAMODB', 'DYNAMODB_STREAMS'];

export interface EmulatedAddresses {
  readonly endpoint: string;
  /** `null`: DynamoDB is not redirected. */
  readonly dynamodbEndpoint: string | null;
  readonly region: string;
}

/** For containers, which get credentials from ECS. */
export function serviceEnvironment({
  endpoint,
  dynamodbEndpoint,
  region,
}: EmulatedAddresses): Record<string, string> {
  const urls = [
    ...SERVICES.map((name) => [name, endpoint] as const),
    ...(dynamodbEndpoint === null
      ? []
      : DYNAMODB_SERVICES.map((name) => [name, dynamodbEndpoint] as const)),
  ].map(([name, url]) => [`AWS_ENDPOINT_URL_${name}`, url] as const);
  return {
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    ...Object.fromEntries(urls),
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  };
}

/** For programs outside: with credentials that nobody checks, and no shared configuration in the way. */
export function emulatedEnvironment(addresses: EmulatedAddresses): Record<string, string> {
  return {
    ...serviceEnvironment(addresses),
    AWS_ACCESS_KEY_ID: 'emulated',
    AWS_SECRET_ACCESS_KEY: 'emulated',
  };
}
