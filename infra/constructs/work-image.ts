/**
 * What the container of a work runs.
 *
 * C1 The stock image has Node and runs the bootstrap as it is.
 * C2 Any other image with glibc, libstdc++, `sh` and `tar` gets Node and npm from a second container, which copies its own into a
 *    volume and ends before the first one starts. The image's own Node, if it has one, stays first in `PATH`.
 * C3 Build commands run when the task starts, as the image's user; so neither they nor an image from a registry need Docker here.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  aws_ecr as ecr,
  aws_ecr_assets as ecrAssets,
  aws_ecs as ecs,
  Stack,
  Token,
} from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { bootstrapCommand } from '../../runtime/backends/aws/bootstrap.ts';
import type { TaskVariant } from '../../runtime/backends/aws/contract.ts';
import type { DeploymentPlan } from '../../runtime/backends/aws/deployment-plan.ts';
import { appError } from '../../runtime/errors/index.ts';

/** Where C2 puts Node; not a folder that images use. */
const NODE_FOLDER = '/opt/stormkite-node';
const NODE_VOLUME = 'node';
/** Where the stock image has it. */
const NODE_HOME = '/usr/local';
/** MiB that the copying container may use. */
const COPY_MEMORY_MIB = 128;
const NOT_IN_CONTEXT = ['node_modules', '.git', '.stormkite', 'cdk.out'];
/** `account.dkr.ecr.region.amazonaws.com/repository:tag` or `@digest`. */
const ECR_IMAGE =
  /^(?<account>\d{12})\.dkr\.ecr\.(?<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?\/(?<repository>[^:@]+)(:(?<tag>[^@]+))?(@(?<digest>.+))?$/;

export interface WorkContainer {
  readonly image: ecs.ContainerImage;
  readonly command: string[];
  readonly entryPoint?: string[];
  readonly bringsNode: boolean;
}

/** An image by name; one in Amazon ECR with the permission to pull just its repository. */
export function imageByName(scope: Construct, name: string): ecs.ContainerImage {
  const { account, region, repository, tag, digest } = ECR_IMAGE.exec(name)?.groups ?? {};
  if (account === undefined || region === undefined || repository === undefined)
    return ecs.ContainerImage.fromRegistry(name);
  const repositoryArn = `arn:${Stack.of(scope).partition}:ecr:${region}:${account}:repository/${repository}`;
  const known = scope.node.tryFindChild(repositoryArn.replaceAll('/', '|'));
  const found =
    known instanceof ecr.RepositoryBase
      ? known
      : ecr.Repository.fromRepositoryAttributes(scope, repositoryArn.replaceAll('/', '|'), {
          repositoryArn,
          repositoryName: repository,
        });
  return ecs.ContainerImage.fromEcrRepository(found, digest ?? tag ?? 'latest');
}

/**
 * Refuses what tasks would fetch from the internet, for a network without a way there. What `buildCommands` do is not known.
 *
 * @throws `INFRA_NODE_IMAGE_UNREACHABLE`, `INFRA_IMAGE_UNREACHABLE`, `INFRA_REQUIREMENTS_UNREACHABLE`
 */
export function checkReachable({ classes, requirements }: DeploymentPlan, nodeImage: string): void {
  if (!isInEcr(nodeImage)) throw appError('INFRA_NODE_IMAGE_UNREACHABLE', { image: nodeImage });
  for (const { name, variants } of classes)
    for (const { image } of Object.values(variants))
      if (image !== null && !isInEcr(image))
        throw appError('INFRA_IMAGE_UNREACHABLE', { class: name, image });
  if (requirements.length > 0) throw appError('INFRA_REQUIREMENTS_UNREACHABLE', { requirements });
}

/** A name that only AWS knows is one of a repository of the stack. */
function isInEcr(image: string): boolean {
  return Token.isUnresolved(image) || ECR_IMAGE.test(image);
}

/** @throws `INFRA_IMAGE_AMBIGUOUS`, `INFRA_DOCKERFILE_MISSING` */
export function workContainer(
  scope: Construct,
  className: string,
  { image, dockerfile, buildCommands }: TaskVariant,
  { nodeImage, projectRoot }: { readonly nodeImage: string; readonly projectRoot: string },
): WorkContainer {
  if (image !== null && dockerfile !== null)
    throw appError('INFRA_IMAGE_AMBIGUOUS', { class: className, image, dockerfile });
  const isStock = image === null && dockerfile === null;
  const bootstrap = bootstrapCommand();
  return {
    image:
      dockerfile === null
        ? imageByName(scope, image ?? nodeImage)
        : builtImage(className, dockerfile, projectRoot),
    ...(isStock && buildCommands.length === 0
      ? { command: bootstrap }
      : shellCommand(buildCommands, bootstrap, isStock)),
    bringsNode: !isStock,
  };
}

function builtImage(className: string, file: string, projectRoot: string): ecs.ContainerImage {
  const path = join(projectRoot, file);
  if (!existsSync(path)) throw appError('INFRA_DOCKERFILE_MISSING', { class: className, path });
  return ecs.ContainerImage.fromAsset(projectRoot, {
    file,
    exclude: NOT_IN_CONTEXT,
    platform: ecrAssets.Platform.LINUX_AMD64,
  });
}

/** The image's own entry point is not run: the command is the whole of it. */
function shellCommand(buildCommands: readonly string[], bootstrap: string[], isStock: boolean) {
  const [node = 'node', ...args] = bootstrap;
  const lines = isStock
    ? [...buildCommands, 'exec "$@"']
    : [`export PATH="$PATH:${NODE_FOLDER}/bin"`, ...buildCommands, 'exec "$@"'];
  return {
    entryPoint: ['/bin/sh', '-ec', lines.join('\n'), 'stormkite'],
    command: [isStock ? node : `${NODE_FOLDER}/bin/node`, ...args],
  };
}

/** Gives a task the container that brings Node (C2). */
export function bringNode(
  definition: ecs.TaskDefinition,
  container: ecs.ContainerDefinition,
  image: ecs.ContainerImage,
  logging: ecs.LogDriver,
): void {
  definition.addVolume({ name: NODE_VOLUME, host: {} });
  const copy = definition.addContainer('node', {
    image,
    essential: false,
    memoryReservationMiB: COPY_MEMORY_MIB,
    entryPoint: ['/bin/sh', '-ec'],
    command: [
      `mkdir -p ${NODE_FOLDER}/lib && cp -a ${NODE_HOME}/bin ${NODE_FOLDER}/ && cp -a ${NODE_HOME}/lib/node_modules ${NODE_FOLDER}/lib/`,
    ],
    logging,
  });
  copy.addMountPoints({ sourceVolume: NODE_VOLUME, containerPath: NODE_FOLDER, readOnly: false });
  container.addMountPoints({
    sourceVolume: NODE_VOLUME,
    containerPath: NODE_FOLDER,
    readOnly: true,
  });
  container.addContainerDependencies({
    container: copy,
    condition: ecs.ContainerDependencyCondition.SUCCESS,
  });
}
