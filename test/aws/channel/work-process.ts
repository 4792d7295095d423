/** The process of a work of the fixture app as a task of AWS has it, but for the container. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { App } from '../../../runtime/component/app.ts';
import { metaOf } from '../../../runtime/component/meta.ts';
import { componentByName, withBelow } from '../../../runtime/component/tree.ts';
import { formatAwsBoot } from '../../../runtime/backends/aws/channel/aws-boot.ts';
import type { WorkTimings } from '../../../runtime/backends/aws/channel/work-timings.ts';
import { bundleApp } from '../../../runtime/host/bundle.ts';
import { WORK_BOOT_VARIABLE } from '../../../runtime/protocol/work-env.ts';
import type { WorkSpec } from '../../../runtime/protocol/work-spec.ts';
import { temporaryFolder } from '../../support/built-cli.ts';
import type { DynamoDbRig } from '../../support/dynamodb.ts';
import { cleanEnvironment } from '../../support/local-rig.ts';
import { KEY, putInput, specOf } from './work-rig.ts';

const ENTRY = fileURLToPath(new URL('../../../runtime/host/work-main.ts', import.meta.url));
const LOADER = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const APP_FILE = fileURLToPath(new URL('../../fixtures/works/app.ts', import.meta.url));

export interface WorkProcess {
  readonly child: ChildProcess;
  readonly stdout: () => string;
  /** What it printed on standard error. */
  readonly stderr: () => string;
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  /** Ends it and everything that it started. */
  kill(): Promise<void>;
}

/** The fixture app, bundled once for several processes. */
export class FixtureApp {
  readonly #app: App;
  readonly #bundlePath: string;
  readonly #remove: () => Promise<void>;
  readonly #processes: WorkProcess[] = [];

  private constructor(app: App, bundlePath: string, remove: () => Promise<void>) {
    this.#app = app;
    this.#bundlePath = bundlePath;
    this.#remove = remove;
  }

  static async open(): Promise<FixtureApp> {
    const { path, remove } = await temporaryFolder();
    const { bundlePath } = await bundleApp({ appFile: APP_FILE, outDirectory: path });
    const { default: app } = (await import('../../fixtures/works/app.ts')) as { default: App };
    return new FixtureApp(app, bundlePath, remove);
  }

  /** Writes the input of a work and starts its process. All works of these tests have the same partition. */
  async start(
    rig: DynamoDbRig,
    work: string,
    spec: Partial<WorkSpec> = {},
    timings: Partial<WorkTimings> = {},
  ): Promise<WorkProcess> {
    const tree = [...withBelow(this.#app.flow)].map((component) => metaOf(component).name);
    const vars = metaOf(componentByName(this.#app.flow, work)).fields?.snapshot() ?? {};
    const whole = specOf({ work, tree, vars, ...spec });
    await putInput(rig, whole);
    const { tables, endpoint } = rig;
    const boot = formatAwsBoot({
      kind: 'aws',
      task: {
        contract: 1,
        app: 'test',
        work,
        key: KEY,
        epoch: whole.epoch,
        tables,
        secretsPath: '/',
        mode: 'emulated',
      },
      region: 'us-east-1',
      bundlePath: this.#bundlePath,
      projectRoot: dirname(APP_FILE),
      timings: { pollMs: 20, idlePollMs: 50, coalesceMs: 20, ...timings },
    });
    const child = spawn(process.execPath, ['--import', LOADER, ENTRY], {
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      env: {
        ...cleanEnvironment(),
        [WORK_BOOT_VARIABLE]: boot,
        AWS_ENDPOINT_URL_DYNAMODB: endpoint,
        AWS_ACCESS_KEY_ID: 'local',
        AWS_SECRET_ACCESS_KEY: 'local',
        AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
      },
    });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const exited = once(child, 'exit').then(([code, signal]) => ({
      code: code as number | null,
      signal: signal as string | null,
    }));
    const kill = async (): Promise<void> => {
      try {
        // A work that was ended in the middle of everything leaves what it had started to its container.
        process.kill(-(child.pid ?? 0), 'SIGKILL');
      } catch {
        // Nothing was left.
      }
      await exited;
    };
    const started = { child, stdout: () => stdout, stderr: () => stderr, exited, kill };
    this.#processes.push(started);
    return started;
  }

  /** Ends all processes, and what they started. */
  async close(): Promise<void> {
    await Promise.all(this.#processes.map((each) => each.kill()));
    await this.#remove();
  }
}
