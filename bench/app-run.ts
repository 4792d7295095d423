/** Runs an app of `bench/apps` as `stormkite run` does, in this process, and hears what it prints. */
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import type * as FlowMain from '../runtime/host/flow-main.ts';
import { fromDist } from './built.ts';
import { nowMs } from './statistics.ts';

/** A line `key {json}` that the flow or a work printed. */
export interface Report<T> {
  readonly source: string;
  readonly data: T;
  /** When this process had it. */
  readonly heardAtMs: number;
}

export class AppRun {
  readonly app: FlowMain.RunningApp;
  readonly #reports: Reports;

  private constructor(app: FlowMain.RunningApp, reports: Reports) {
    this.app = app;
    this.#reports = reports;
  }

  static async open(appFile: URL): Promise<AppRun> {
    const { runApp } = await fromDist<typeof FlowMain>('runtime/host/flow-main');
    const reports = new Reports();
    const app = await runApp({
      appFile: fileURLToPath(appFile),
      env: { ...process.env, STORMKITE_HOME: join(tmpdir(), 'home') },
      port: 0,
      flowOutput: 'capture',
      onLog: ({ source, line }) => reports.hear(source, line),
      warn: (message) => process.stderr.write(`${message}\n`),
    });
    const fail = ({ stage, error }: Awaited<typeof app.result>): void => {
      reports.end(error instanceof Error ? error : new Error(`the app has ${stage}`));
    };
    app.result.then(fail, (error: unknown) => reports.end(error));
    return new AppRun(app, reports);
  }

  /** The next report with this key, in the order in which they were printed. */
  next<T>(key: string): Promise<Report<T>> {
    return this.#reports.next(key) as Promise<Report<T>>;
  }

  async close(): Promise<void> {
    await this.app.interrupt();
    await this.app.close();
  }
}

interface Waiter {
  readonly resolve: (report: Report<unknown>) => void;
  readonly reject: (error: unknown) => void;
}

class Reports {
  readonly #heard = new Map<string, Report<unknown>[]>();
  readonly #waiting = new Map<string, Waiter>();
  #ended: { readonly error: unknown } | null = null;

  hear(source: string, line: string): void {
    const [, key, text] = /^(\w+) ([{[].*)$/.exec(line) ?? [];
    if (key === undefined || text === undefined) {
      process.stderr.write(`[${source}] ${line}\n`);
      return;
    }
    const report = { source, data: JSON.parse(text) as unknown, heardAtMs: nowMs() };
    const waiter = this.#waiting.get(key);
    this.#waiting.delete(key);
    if (waiter) waiter.resolve(report);
    else this.#heard.set(key, [...(this.#heard.get(key) ?? []), report]);
  }

  next(key: string): Promise<Report<unknown>> {
    const first = this.#heard.get(key)?.shift();
    if (first) return Promise.resolve(first);
    if (this.#ended) return Promise.reject(this.#ended.error);
    return new Promise((resolve, reject) => this.#waiting.set(key, { resolve, reject }));
  }

  end(error: unknown): void {
    this.#ended = { error };
    for (const { reject } of this.#waiting.values()) reject(error);
  }
}
