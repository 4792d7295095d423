/** What an app file contains, as `stormkite inspect --json` prints it and the CDK construct reads it. */
import { z } from 'zod';

const buildConfig = z.object({
  requirements: z.array(z.string()),
  image: z.string().nullable(),
  dockerfile: z.string().nullable(),
  buildCommands: z.array(z.string()),
});

const hardware = z.object({
  /** Named class, or instance type. */
  name: z.string(),
  instanceType: z.string().nullable(),
  gpus: z.number(),
  diskSize: z.number(),
  shmSize: z.number(),
  /** Milliseconds; `null` never, absent: the backend's default. */
  idleTimeoutMs: z.number().nullable().optional(),
  mounts: z.array(z.object({ source: z.string(), mountPath: z.string() })),
  colocationGroupId: z.string().nullable(),
  interruptible: z.boolean(),
});

const budget = z.object({ dollarsPerDay: z.number() }).nullable().optional();

const work = z.object({
  kind: z.literal('work'),
  name: z.string(),
  class: z.string(),
  /** Of its class; see `workClasses`. */
  classId: z.string(),
  parallel: z.boolean(),
  cacheCalls: z.boolean(),
  raiseException: z.boolean(),
  /** `null`: the backend's default. */
  startWithFlow: z.boolean().nullable(),
  hardware,
  timeoutMs: z.number().nullable(),
  host: z.string().nullable(),
  port: z.number().nullable(),
  /** Names only: values may be private. */
  env: z.array(z.string()),
  /** Environment variable to its source; never a value. */
  secrets: z.record(z.string(), z.string()),
  localBuildConfig: buildConfig,
  cloudBuildConfig: buildConfig,
  ignorePatterns: z.array(z.string()),
  budget,
});

const other = z.object({
  kind: z.enum(['flow', 'dict', 'list']),
  name: z.string(),
  class: z.string(),
});

/** Schema of the manifest. */
export const manifestSchema = z.object({
  /** Version of stormkite that made it. */
  stormkite: z.string(),
  appFile: z.string(),
  projectRoot: z.string(),
  /** Hash of the bundled app file. */
  bundleHash: z.string(),
  /** Every component that the constructors built, depth first. */
  components: z.array(z.discriminatedUnion('kind', [work, other])),
  /** Work classes that the app file exports: name of the export to name of the class. */
  exportedWorks: z.record(z.string(), z.string()),
  /** Classes of `new App(root, { works })`, in order. */
  listedWorks: z.array(z.string()),
  /** Every work class that the app can use, with the identity that keys and roles on AWS carry. */
  workClasses: z.array(z.object({ id: z.string(), class: z.string() })),
  /** Images and build steps that some work needs, by work. */
  images: z.record(z.string(), buildConfig),
  options: z.object({
    logLevel: z.enum(['info', 'debug']),
    rootPath: z.string(),
    idleTurnMs: z.number().nullable(),
    info: z.object({
      title: z.string().optional(),
      description: z.string().optional(),
      image: z.string().optional(),
    }),
    flowCloudCompute: hardware.nullable(),
    /** Hardware that works attached at run time may use; `null`: every named class. */
    hardware: z.array(hardware).nullable(),
    budget,
  }),
});

export type Manifest = z.infer<typeof manifestSchema>;
