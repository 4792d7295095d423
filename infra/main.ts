/**
 * The CDK app: `npx cdk deploy -c app=path/to/app.ts`. The other `-c` values are those of `context.ts`.
 *
 * The stack names no account and no region, so that its template is made without credentials; `cdk` uses those of the shell. Only
 * `-c vpcId=…` needs to look something up, in the account and region that `CDK_DEFAULT_ACCOUNT` and `CDK_DEFAULT_REGION` name.
 */
import { App, Stack, type Environment } from 'aws-cdk-lib';
import { stackNameOf } from '../runtime/backends/aws/contract.ts';
import { isAppError, renderError } from '../runtime/errors/index.ts';
import { readContext, toProps } from './context.ts';
import { prepareApp } from './prepared-app.ts';
import { StormkiteApp } from './stormkite-app.ts';

/** As everywhere: wrong usage, environment, a bug of ours. */
const EXIT_CODES = { user: 2, environment: 3, bug: 70 } as const;

function main(): void {
  const app = new App();
  const context = readContext((name) => app.node.tryGetContext(name));
  const prepared = prepareApp(context.entry, context.name);
  const stackName = context.stackName ?? stackNameOf(prepared.app);
  const stack = new Stack(app, stackName, {
    description: `Stormkite app ${prepared.app}`,
    ...(context.vpcId === undefined ? {} : { env: environment() }),
  });
  new StormkiteApp(stack, 'App', toProps(stack, context));
  app.synth();
}

function environment(): Environment {
  const { CDK_DEFAULT_ACCOUNT: account, CDK_DEFAULT_REGION: region } = process.env;
  return {
    ...(account === undefined ? {} : { account }),
    ...(region === undefined ? {} : { region }),
  };
}

try {
  main();
} catch (error) {
  process.stderr.write(`${renderError(error)}\n`);
  process.exitCode = isAppError(error) ? EXIT_CODES[error.kind] : EXIT_CODES.bug;
}
