/** Task definitions: families of numbered revisions that never change. */
import { z } from 'zod';
import type { EmulatorContext } from '../context.ts';
import { nameOf } from '../ids.ts';
import { operationOf, toSeconds, type Operations } from '../operation.ts';
import { ServiceError } from '../service-error.ts';

const ecs = operationOf('ecs');

const pair = z.object({ name: z.string(), value: z.string() });

export const resourceRequirement = z.looseObject({
  type: z.string(),
  value: z.string().optional(),
});

/** Members that mean something here; the others are kept and given back. */
export const containerDefinitionSchema = z.looseObject({
  name: z.string().regex(/^[A-Za-z0-9_-]{1,255}$/, 'Container.name is invalid'),
  image: z.string(),
  cpu: z.number().int().min(0).default(0),
  memory: z.number().int().optional(),
  memoryReservation: z.number().int().optional(),
  essential: z.boolean().default(true),
  command: z.array(z.string()).default([]),
  entryPoint: z.array(z.string()).default([]),
  environment: z.array(pair).default([]),
  secrets: z.array(z.object({ name: z.string(), valueFrom: z.string() })).default([]),
  portMappings: z
    .array(
      z.looseObject({
        containerPort: z.number().int(),
        hostPort: z.number().int().optional(),
        protocol: z.string().default('tcp'),
      }),
    )
    .default([]),
  resourceRequirements: z.array(resourceRequirement).default([]),
  stopTimeout: z.number().int().min(0).optional(),
  logConfiguration: z
    .looseObject({ logDriver: z.string(), options: z.record(z.string(), z.string()).default({}) })
    .optional(),
});

const definitionSchema = z.looseObject({
  family: z.string().regex(/^[A-Za-z0-9_-]{1,255}$/, 'Family contains invalid characters'),
  containerDefinitions: z.array(containerDefinitionSchema).min(1),
  networkMode: z.string().default('bridge'),
  requiresCompatibilities: z.array(z.string()).default([]),
  cpu: z.string().optional(),
  memory: z.string().optional(),
  tags: z.array(z.looseObject({ key: z.string(), value: z.string() })).optional(),
});

export type ContainerDefinition = z.output<typeof containerDefinitionSchema>;

/** One revision, as it is kept. */
export const storedDefinitionSchema = definitionSchema.extend({
  taskDefinitionArn: z.string(),
  revision: z.number().int(),
  status: z.enum(['ACTIVE', 'INACTIVE']),
  /** Epoch seconds. */
  registeredAt: z.number(),
});

export type TaskDefinition = Readonly<z.output<typeof storedDefinitionSchema>>;

export class TaskDefinitions {
  readonly #context: EmulatorContext;
  readonly #families = new Map<string, TaskDefinition[]>();

  constructor(context: EmulatorContext, earlier: readonly TaskDefinition[]) {
    this.#context = context;
    for (const definition of earlier) this.#add(definition);
  }

  get all(): readonly TaskDefinition[] {
    return [...this.#families.values()].flat();
  }

  /** By family, `family:revision` or ARN; a family means its newest active revision. */
  find(reference: string): TaskDefinition | undefined {
    const [family = '', revision] = nameOf(reference).split(':');
    const revisions = this.#families.get(family) ?? [];
    return revision === undefined
      ? revisions.findLast(({ status }) => status === 'ACTIVE')
      : revisions.find((each) => String(each.revision) === revision);
  }

  register(input: z.output<typeof definitionSchema>): TaskDefinition {
    for (const { name, memory, memoryReservation } of input.containerDefinitions)
      if (memory === undefined && memoryReservation === undefined && input.memory === undefined)
        throw new ServiceError(
          'ClientException',
          `Invalid setting for container '${name}'. At least one of 'memory' or 'memoryReservation' must be specified.`,
        );
    const revision = (this.#families.get(input.family)?.at(-1)?.revision ?? 0) + 1;
    const definition: TaskDefinition = {
      ...input,
      revision,
      taskDefinitionArn: this.#context.arns.taskDefinition(input.family, revision),
      status: 'ACTIVE',
      registeredAt: toSeconds(this.#context.clock.now()),
    };
    this.#add(definition);
    return definition;
  }

  deregister(reference: string): TaskDefinition {
    const found = this.#known(reference);
    const revisions = this.#families.get(found.family) ?? [];
    const changed: TaskDefinition = { ...found, status: 'INACTIVE' };
    revisions[revisions.indexOf(found)] = changed;
    return changed;
  }

  readonly operations: Operations = {
    RegisterTaskDefinition: ecs(definitionSchema, (input) => {
      const { tags, ...taskDefinition } = this.register(input);
      return { taskDefinition, tags: tags ?? [] };
    }),
    DescribeTaskDefinition: ecs(z.object({ taskDefinition: z.string() }), (input) => {
      const { tags, ...taskDefinition } = this.#known(input.taskDefinition);
      return { taskDefinition, tags: tags ?? [] };
    }),
    DeregisterTaskDefinition: ecs(z.object({ taskDefinition: z.string() }), (input) => ({
      taskDefinition: this.deregister(input.taskDefinition),
    })),
  };

  #known(reference: string): TaskDefinition {
    const found = this.find(reference);
    if (found === undefined)
      throw new ServiceError('ClientException', 'Unable to describe task definition.');
    return found;
  }

  #add(definition: TaskDefinition): void {
    const revisions = this.#families.get(definition.family) ?? [];
    revisions.push(definition);
    this.#families.set(definition.family, revisions);
  }
}
