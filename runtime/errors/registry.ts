import type { CodeSpec } from './define-code.ts';
import { apiCodes } from './codes/api.ts';
import { appCodes } from './codes/app.ts';
import { channelCodes } from './codes/channel.ts';
import { cliCodes } from './codes/cli.ts';
import { clientCodes } from './codes/client.ts';
import { emulatorCodes } from './codes/emulator.ts';
import { frontendCodes } from './codes/frontend.ts';
import { hostCodes } from './codes/host.ts';
import { infraCodes } from './codes/infra.ts';
import { operateCodes } from './codes/operate.ts';
import { protocolCodes } from './codes/protocol.ts';
import { serverCodes } from './codes/server.ts';
import { stateCodes } from './codes/state.ts';
import { storeCodes } from './codes/store.ts';
import { testingCodes } from './codes/testing.ts';
import { workCodes } from './codes/work.ts';

/** Every error code with its kind, wording and hint. A code is never renamed or reused. */
export const registry = {
  ...apiCodes,
  ...appCodes,
  ...channelCodes,
  ...cliCodes,
  ...clientCodes,
  ...emulatorCodes,
  ...frontendCodes,
  ...hostCodes,
  ...infraCodes,
  ...operateCodes,
  ...protocolCodes,
  ...serverCodes,
  ...stateCodes,
  ...storeCodes,
  ...testingCodes,
  ...workCodes,
};

export type ErrorCode = keyof typeof registry;

/** The data that each code's message is made from. */
export type ErrorData = {
  [C in ErrorCode]: (typeof registry)[C] extends CodeSpec<infer D> ? D : never;
};
