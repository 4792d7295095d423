/** Operating an app in an account: deploying, reaching, reading prices, destroying. */
import { code } from '../define-code.ts';

export const operateCodes = {
  AWS_CREDENTIALS_MISSING: code<{ problem: string }>({
    kind: 'environment',
    summary: 'There are no AWS credentials, or they have expired.',
    message: ({ problem }) => `AWS does not know who asks: ${problem}`,
    hint: () => 'sign in with `aws sso login` or `aws configure`, or set AWS_PROFILE',
    retryable: true,
  }),
  AWS_REGION_MISSING: code<{ what: string }>({
    kind: 'user',
    summary: 'A command needs to know an AWS region and none is set.',
    message: ({ what }) => `${what} needs a region`,
    hint: () => 'set AWS_REGION, such as AWS_REGION=us-east-1',
  }),
  AWS_CALL_FAILED: code<{ what: string; problem: string }>({
    kind: 'environment',
    summary: 'A request to AWS failed.',
    message: ({ what, problem }) => `${what}: ${problem}`,
    hint: () => 'see `stormkite doctor`; then run the command again',
    retryable: true,
  }),
  AWS_PLUGIN_MISSING: code<{ program: string }>({
    kind: 'environment',
    summary: 'The Session Manager plugin, by which a deployed app is reached, is not installed.',
    message: ({ program }) => `${program} cannot be started`,
    hint: () =>
      'install the Session Manager plugin for the AWS CLI and put it into PATH; `stormkite doctor` checks it',
  }),
  DEPLOY_FLOW_NOT_RUNNING: code<{ app: string; region: string }>({
    kind: 'environment',
    summary: 'The flow of a deployed app has no running task.',
    message: ({ app, region }) => `the flow of ${app} in ${region} does not run`,
    hint: ({ app }) =>
      `if it is paused, \`stormkite resume --app ${app}\`; else look at its service in ECS`,
    retryable: true,
  }),
  DEPLOY_TUNNEL_FAILED: code<{ app: string; problem: string }>({
    kind: 'environment',
    summary: 'The tunnel to the flow of a deployed app could not be opened.',
    message: ({ app, problem }) => `no tunnel to ${app}: ${problem}`,
    hint: () => 'see `stormkite doctor`; ECS Exec must be allowed by the flow’s service',
    retryable: true,
  }),
  DEPLOY_CDK_MISSING: code<{ problem: string; directory: string }>({
    kind: 'environment',
    summary: 'The AWS CDK is not installed beside the app, or in a version that cannot be used.',
    message: ({ problem, directory }) => `${problem} (looked from ${directory})`,
    hint: () => 'pin the right versions with `stormkite init --aws`, then `npm install`',
  }),
  DEPLOY_CDK_FAILED: code<{ verb: string; status: string }>({
    kind: 'environment',
    summary: '`cdk` ended with a failure.',
    message: ({ verb, status }) => `cdk ${verb} ended with ${status}`,
    hint: ({ verb }) =>
      verb === 'deploy'
        ? 'read the lines above; CloudFormation has rolled back what it had begun, so the version before still runs'
        : 'read the lines above',
    retryable: true,
  }),
  DEPLOY_NOT_CONFIRMED: code<{ verb: string }>({
    kind: 'user',
    summary: 'A command that changes an account was not confirmed.',
    message: ({ verb }) => `${verb} was not confirmed; nothing was changed`,
    hint: ({ verb }) => `answer y, or give --yes: \`stormkite ${verb} … --yes\``,
  }),
  DEPLOY_SECRET_MISSING: code<{ name: string; works: string; problem: string }>({
    kind: 'user',
    summary: 'The environment of who deploys lacks the value of a secret.',
    message: ({ name, works, problem }) =>
      `the secret env:${name} of ${works} ${problem}; nothing was changed`,
    hint: ({ name }) => `set ${name} in the environment of this command, then deploy again`,
  }),
  DEPLOY_SECRET_NOT_WRITTEN: code<{ parameter: string; problem: string }>({
    kind: 'environment',
    summary: 'The value of a secret could not be stored as an SSM parameter.',
    message: ({ parameter, problem }) => `the parameter ${parameter} was not written: ${problem}`,
    hint: () => 'whoever deploys needs ssm:PutParameter for it',
    retryable: true,
  }),
  DEPLOY_NO_WAY_IN: code<{ app: string }>({
    kind: 'user',
    summary: 'A deployed app was made so that nobody reaches it.',
    message: ({ app }) => `${app} is deployed with ui=none: nobody reaches its flow`,
    hint: () => 'deploy it with `-c ui=tunnel`; `stormkite logs` and `destroy` work without',
  }),
  DEPLOY_FLOW_SILENT: code<{ app: string; minutes: number }>({
    kind: 'environment',
    summary: 'The flow of a deployed app did not answer for minutes.',
    message: ({ app, minutes }) => `the flow of ${app} has not answered for ${minutes} minutes`,
    hint: ({ app }) => `see why in \`stormkite logs flow --app ${app}\`; what was begun goes on`,
    retryable: true,
  }),
  DEPLOY_STACK_UNKNOWN: code<{
    app: string;
    stack: string;
    region: string;
    /** Other regions that it was deployed to from here. */
    elsewhere?: readonly string[];
  }>({
    kind: 'user',
    summary: 'An app is not deployed in this region.',
    message: ({ app, stack, region }) => `${app} has no stack ${stack} in ${region}`,
    hint: ({ elsewhere = [] }) =>
      elsewhere.length === 0
        ? 'deploy it with `stormkite deploy app.ts`, or set AWS_REGION to where it is'
        : `set AWS_REGION to where it was deployed from here: ${elsewhere.join(' or ')}`,
  }),
  DEPLOY_STACK_TAKEN: code<{ app: string; stack: string; region: string; holder: string }>({
    kind: 'user',
    summary: 'The stack that an app would be deployed as is that of another one.',
    message: ({ app, stack, region, holder }) =>
      `${app} would replace ${holder}: the stack ${stack} in ${region} is there; nothing was changed`,
    hint: ({ app }) =>
      `deploy ${app} under another name with --name, or as another stack with \`-c stackName=…\``,
  }),
  DESTROY_PROTECTED: code<{ stack: string }>({
    kind: 'user',
    summary: 'A stack is protected from termination, so its app is not destroyed.',
    message: ({ stack }) => `the stack ${stack} is protected from termination; nothing was changed`,
    hint: ({ stack }) =>
      `lift it with \`aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name ${stack}\``,
  }),
  DESTROY_STACK_BUSY: code<{ stack: string; status: string }>({
    kind: 'environment',
    summary: 'A stack is being changed, so its app is not destroyed.',
    message: ({ stack, status }) => `the stack ${stack} is in ${status}; nothing was changed`,
    hint: () => 'wait until CloudFormation has finished, then run `stormkite destroy` again',
    retryable: true,
  }),
  DESTROY_STACK_SHARED: code<{ app: string; stack: string; foreign: readonly string[] }>({
    kind: 'user',
    summary: 'The stack of an app holds other things too, which `destroy` would delete with it.',
    message: ({ app, stack, foreign }) =>
      `the stack ${stack} holds more than ${app}: ${foreign.slice(0, 5).join(', ')}${foreign.length > 5 ? ` and ${foreign.length - 5} more` : ''}`,
    hint: ({ app }) =>
      `end its works with \`stormkite pause --app ${app}\`, remove the construct from the stack, and deploy the stack`,
  }),
  DESTROY_TABLES_UNKNOWN: code<{ stack: string }>({
    kind: 'user',
    summary: '`destroy --keep-state` cannot tell which tables hold the state.',
    message: ({ stack }) => `the stack ${stack} does not tell both of its tables`,
    hint: () => 'deploy the app once more, or destroy it without --keep-state',
  }),
  DESTROY_LEFT: code<{ app: string; left: string }>({
    kind: 'environment',
    summary: 'Tasks or instances of an app did not end, so its stack was not deleted.',
    message: ({ app, left }) => `${app} still has ${left}; its stack was not deleted`,
    hint: () => 'run `stormkite destroy` again; what it has ended stays ended',
    retryable: true,
  }),
  DESTROY_STACK_FAILED: code<{ stack: string; problem: string }>({
    kind: 'environment',
    summary: 'CloudFormation could not delete a stack.',
    message: ({ stack, problem }) => `the stack ${stack} was not deleted: ${problem}`,
    hint: () => 'remove what stands in the way, then run `stormkite destroy` again',
    retryable: true,
  }),
  CLI_EXEC_NOT_HERE: code<{ work: string; problem: string }>({
    kind: 'user',
    summary: '`stormkite exec` cannot run a command beside this work.',
    message: ({ work, problem }) => `no command can be run beside ${work}: ${problem}`,
    hint: () => 'see `stormkite exec --help` for where it works',
  }),
  CLI_NOTHING_PAUSED: code<{ app: string }>({
    kind: 'user',
    summary: '`stormkite resume` knows no paused app of this name.',
    message: ({ app }) => `no app named "${app}" is paused`,
    hint: () => 'go on with an interrupted run by `stormkite run app.ts --resume`',
  }),
};
