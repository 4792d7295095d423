import { code } from '../define-code.ts';

export const infraCodes = {
  INFRA_APP_MISSING: code<Record<string, never>>({
    kind: 'user',
    summary: '`cdk` was not told which app to deploy.',
    message: () => 'no app is named',
    hint: () => 'name its file: npx cdk deploy -c app=path/to/app.ts',
  }),
  INFRA_PROP_INVALID: code<{ prop: string; value: string; allowed: string }>({
    kind: 'user',
    summary: 'A property of `StormkiteApp`, or its `-c` value, cannot have this value.',
    message: ({ prop, value }) => `${prop} is ${value}`,
    hint: ({ prop, allowed }) => `give ${prop} ${allowed}`,
  }),
  INFRA_PREPARE_FAILED: code<{ entry: string; problem: string }>({
    kind: 'environment',
    summary: 'The process that inspects and packs an app for a deployment ended without an answer.',
    message: ({ entry, problem }) => `${entry} could not be prepared: ${problem}`,
    hint: ({ entry }) => `see whether \`stormkite inspect ${entry}\` can read it`,
  }),
  INFRA_CLUSTER_ELSEWHERE: code<{ cluster: string }>({
    kind: 'user',
    summary: 'The cluster of a `StormkiteApp` belongs to another stack, or is imported.',
    message: ({ cluster }) => `the cluster ${cluster} was not made in the stack of the app`,
    hint: () => 'make the ecs.Cluster in the stack of the StormkiteApp, or leave `cluster` out',
  }),
  INFRA_SUBNETS_MISSING: code<{ kind: string }>({
    kind: 'user',
    summary: 'The given network has no subnets of the kind that the app needs.',
    message: ({ kind }) => `the vpc has no ${kind} subnets`,
    hint: () =>
      "choose some with `subnets`, or the other kind with `network: 'public' | 'private'`",
  }),
  INFRA_NODE_IMAGE_UNREACHABLE: code<{ image: string }>({
    kind: 'user',
    summary: 'A network without a way to the internet cannot pull the Node image.',
    message: ({ image }) => `${image} cannot be pulled from a network without a way out`,
    hint: () => 'copy it into Amazon ECR and name the copy with `nodeImage`',
  }),
  INFRA_IMAGE_UNREACHABLE: code<{ class: string; image: string }>({
    kind: 'user',
    summary: 'A network without a way to the internet cannot pull the image of a work.',
    message: ({ class: name, image }) =>
      `${image} of ${name} cannot be pulled from a network without a way out`,
    hint: ({ image }) =>
      `copy ${image} into Amazon ECR and name the copy in the BuildConfig, or give a \`vpc\` with a way out`,
  }),
  INFRA_REQUIREMENTS_UNREACHABLE: code<{ requirements: readonly string[] }>({
    kind: 'user',
    summary: 'A network without a way to the internet cannot install the `requirements` of works.',
    message: ({ requirements }) =>
      `${requirements.join(', ')} cannot be installed in a network without a way out`,
    hint: () =>
      'put them into an image in Amazon ECR instead of `requirements`, or give a `vpc` with a way out',
  }),
  INFRA_FLOW_HARDWARE: code<{ hardware: string; allowed: string }>({
    kind: 'user',
    summary: '`flowCloudCompute` names hardware that Fargate does not have.',
    message: ({ hardware }) => `the flow cannot run on ${hardware}: it is a Fargate task`,
    hint: ({ allowed }) => `use one of ${allowed} as flowCloudCompute, and give a work the machine`,
  }),
  INFRA_HARDWARE_UNSUPPORTED: code<{ hardware: string; problem: string }>({
    kind: 'user',
    summary: 'An instance type cannot be used for works.',
    message: ({ hardware, problem }) => `${hardware} cannot run works: ${problem}`,
    hint: () => 'choose another instanceType for the CloudCompute',
  }),
  INFRA_MOUNTS_UNSUPPORTED: code<{ class: string; source: string; mountPath: string }>({
    kind: 'user',
    summary: 'A work mounts something else than an S3 folder at a path of its own.',
    message: ({ class: name, source, mountPath }) => `${name} mounts ${source} at ${mountPath}`,
    hint: () =>
      "give `mounts` sources such as 's3://bucket/folder/', and absolute mountPaths such as '/data', each once",
  }),
  INFRA_IMAGE_AMBIGUOUS: code<{ class: string; image: string; dockerfile: string }>({
    kind: 'user',
    summary: 'A `BuildConfig` has both an image and a Dockerfile.',
    message: ({ class: name, image, dockerfile }) =>
      `the BuildConfig of ${name} names the image ${image} and the Dockerfile ${dockerfile}`,
    hint: ({ image }) => `keep one; a Dockerfile can begin with FROM ${image}`,
  }),
  INFRA_DOCKERFILE_MISSING: code<{ class: string; path: string }>({
    kind: 'user',
    summary: 'The Dockerfile of a `BuildConfig` is not in the project.',
    message: ({ class: name, path }) => `the Dockerfile of ${name} is not there: ${path}`,
    hint: () => 'give its path relative to the folder with package.json',
  }),
  INFRA_DOCKERFILE_ARM: code<{ class: string; dockerfile: string; hardware: string }>({
    kind: 'user',
    summary: 'A `BuildConfig` has a Dockerfile, whose image is built for x86, on an ARM machine.',
    message: ({ class: name, dockerfile, hardware }) =>
      `the image of ${name} is built from ${dockerfile} for x86 and cannot run on ${hardware}`,
    hint: ({ hardware }) =>
      `choose an x86 instanceType in place of ${hardware}, or build the image for ARM yourself and name it with \`image\``,
  }),
  INFRA_UI_INCOMPLETE: code<{ ui: string; missing: string }>({
    kind: 'user',
    summary: 'The way in that `ui` asks for needs more properties.',
    message: ({ ui, missing }) => `ui: '${ui}' lacks ${missing}`,
    hint: ({ missing }) =>
      `give ${missing}, or use ui: 'tunnel', which needs nothing and opens nothing`,
  }),
  INFRA_UI_OPEN: code<{ ui: string; cidr: string }>({
    kind: 'user',
    summary: 'A way in would send the token over the internet without encryption.',
    message: ({ ui, cidr }) => `ui: '${ui}' is plain HTTP and would be open to ${cidr}`,
    hint: () => "name your own addresses in allowedCidrs, or use ui: 'alb' with a certificate",
  }),
  INFRA_TOO_LARGE: code<{ bytes: number; limit: number; classes: number }>({
    kind: 'user',
    summary: 'What the flow must know of its deployment does not fit into its task definition.',
    message: ({ bytes, limit, classes }) =>
      `the task definitions of ${classes} work classes take ${bytes} bytes of the flow's own, more than ${limit}`,
    hint: () => 'use fewer classes, or fewer images, ports and shmSizes per class',
  }),
};
