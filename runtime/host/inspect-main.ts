/**
 * Entry point of the process that loads an app for inspection: sends `{ manifest }` or `{ error }` to its parent and ends.
 */
import { resolve } from 'node:path';
import { classIdOf } from '../backends/aws/contract.ts';
import type { App } from '../component/app.ts';
import { ClassIndex } from '../component/class-ref.ts';
import type { Component } from '../component/component.ts';
import { metaOf } from '../component/meta.ts';
import { isWork, withBelow, worksBelow } from '../component/tree.ts';
import { Work } from '../component/work.ts';
import { OPTIONS } from '../component/work-symbols.ts';
import { toWire } from '../errors/index.ts';
import type { BuildConfig } from '../hardware/build-config.ts';
import type { CloudCompute } from '../hardware/cloud-compute.ts';
import { bundleApp } from './bundle.ts';
import { loadApp } from './load-app.ts';
import type { Manifest } from './manifest.ts';
import type { ClassRef } from '../protocol/work-spec.ts';
import { stormkiteVersion } from './package-version.ts';

type Hardware = Extract<Manifest['components'][number], { kind: 'work' }>['hardware'];

async function inspect(appFile: string, outDirectory: string): Promise<Manifest> {
  const { bundlePath, hash, projectRoot } = await bundleApp({ appFile, outDirectory });
  const { app, exports } = await loadApp(bundlePath, projectRoot, appFile);
  const index = new ClassIndex(app, exports);
  return {
    stormkite: stormkiteVersion(),
    appFile: resolve(appFile),
    projectRoot,
    bundleHash: hash,
    components: [...withBelow(app.flow)].map((component) => toComponent(component, index)),
    exportedWorks: exportedWorks(exports),
    listedWorks: app.options.works.map(({ name }) => name),
    workClasses: workClasses(app, exports, index),
    images: images(app),
    options: toOptions(app),
  };
}

function toComponent(component: Component, index: ClassIndex): Manifest['components'][number] {
  const { kind, name, subject } = metaOf(component);
  if (!isWork(component) || kind !== 'work')
    return { kind: kind === 'work' ? 'flow' : kind, name, class: subject };
  const options = component[OPTIONS];
  return {
    kind,
    name,
    class: subject,
    classId: idOf(index.refOf(component)),
    parallel: options.parallel,
    cacheCalls: options.cacheCalls,
    raiseException: options.raiseException,
    startWithFlow: options.startWithFlow,
    hardware: toHardware(options.cloudCompute),
    timeoutMs: options.timeoutMs,
    host: options.host,
    port: options.port,
    env: Object.keys(options.env),
    secrets: { ...options.secrets },
    localBuildConfig: toBuild(options.localBuildConfig),
    cloudBuildConfig: toBuild(options.cloudBuildConfig),
    ignorePatterns: [...component.ignorePatterns],
    budget: options.budget,
  };
}

function toOptions({ options }: App): Manifest['options'] {
  const { logLevel, rootPath, idleTurnMs, info = {}, flowCloudCompute, hardware, budget } = options;
  return {
    logLevel,
    rootPath,
    idleTurnMs,
    info,
    flowCloudCompute: flowCloudCompute ? toHardware(flowCloudCompute) : null,
    hardware: hardware ? hardware.map(toHardware) : null,
    budget,
  };
}

function toHardware(compute: CloudCompute): Hardware {
  const {
    name,
    instanceType,
    gpus,
    diskSize,
    shmSize,
    idleTimeoutMs,
    mounts,
    colocationGroupId,
    interruptible,
  } = compute;
  return {
    name,
    instanceType,
    gpus,
    diskSize,
    shmSize,
    ...(idleTimeoutMs === undefined ? {} : { idleTimeoutMs }),
    mounts: mounts.map((mount) => ({ ...mount })),
    colocationGroupId,
    interruptible,
  };
}

function toBuild({
  requirements,
  image,
  dockerfile,
  buildCommands,
}: BuildConfig): Manifest['images'][string] {
  return { requirements: [...requirements], image, dockerfile, buildCommands: [...buildCommands] };
}

function images(app: App): Manifest['images'] {
  const found = worksBelow(app.flow).map(
    (work) => [work.name, toBuild(work.cloudBuildConfig)] as const,
  );
  const isCustom = ({
    requirements,
    image,
    dockerfile,
    buildCommands,
  }: Manifest['images'][string]): boolean =>
    image !== null || dockerfile !== null || requirements.length > 0 || buildCommands.length > 0;
  return Object.fromEntries(found.filter(([, build]) => isCustom(build)));
}

function exportedWorks(exports: Readonly<Record<string, unknown>>): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, value] of Object.entries(exports)) {
    if (typeof value === 'function' && value.prototype instanceof Work) found[name] = value.name;
  }
  return found;
}

/** Constructed, exported and listed classes, each once. */
function workClasses(
  app: App,
  exports: Readonly<Record<string, unknown>>,
  index: ClassIndex,
): Manifest['workClasses'] {
  const constructed = worksBelow(app.flow).map((work): unknown => work.constructor);
  const found = new Map<string, string>();
  for (const value of [...constructed, ...Object.values(exports), ...app.options.works]) {
    if (typeof value === 'function' && value.prototype instanceof Work)
      found.set(idOf(index.refOfClass(value)), value.name);
  }
  return [...found].map(([id, name]) => ({ id, class: name }));
}

function idOf(ref: ClassRef | undefined): string {
  if (ref === undefined) throw new TypeError('a constructed class has a place');
  return classIdOf(ref);
}

async function main(): Promise<void> {
  const [, , appFile = '', outDirectory = ''] = process.argv;
  let answer: unknown;
  try {
    answer = { manifest: await inspect(appFile, outDirectory) };
  } catch (error) {
    answer = { error: toWire(error) };
  }
  // Timers and servers that the app file left open must not keep this process.
  process.send?.(answer, () => process.exit(0));
}

await main();
