/** What a task reserves of an instance: from its definition, changed by the overrides of `RunTask`. */
import { z } from 'zod';
import type { ContainerDefinition, TaskDefinition } from './task-definitions.ts';
import { resourceRequirement } from './task-definitions.ts';

export interface Demand {
  readonly cpuUnits: number;
  readonly memoryMiB: number;
  readonly gpus: number;
  /** Ports of the host that it must have. */
  readonly hostPorts: readonly number[];
}

const containerOverride = z.looseObject({
  name: z.string(),
  command: z.array(z.string()).optional(),
  environment: z.array(z.object({ name: z.string(), value: z.string() })).optional(),
  cpu: z.number().int().optional(),
  memory: z.number().int().optional(),
  memoryReservation: z.number().int().optional(),
  resourceRequirements: z.array(resourceRequirement).optional(),
});

export const overridesSchema = z.looseObject({
  containerOverrides: z.array(containerOverride).default([]),
  cpu: z.string().optional(),
  memory: z.string().optional(),
});

export type TaskOverrides = z.output<typeof overridesSchema>;
export type ContainerOverride = z.output<typeof containerOverride>;

export function overrideOf(
  overrides: TaskOverrides,
  container: string,
): ContainerOverride | undefined {
  return overrides.containerOverrides.find(({ name }) => name === container);
}

/** GPUs that one container asks for. */
export function gpusOf(definition: ContainerDefinition, overrides: TaskOverrides): number {
  const asked =
    overrideOf(overrides, definition.name)?.resourceRequirements ?? definition.resourceRequirements;
  return Number(asked.find(({ type }) => type === 'GPU')?.value ?? 0);
}

export function demandOf(definition: TaskDefinition, overrides: TaskOverrides): Demand {
  const parts = definition.containerDefinitions.map((container) => {
    const override = overrideOf(overrides, container.name);
    return {
      cpuUnits: override?.cpu ?? container.cpu,
      // A soft limit is what is reserved; the hard one only ends the container.
      memoryMiB:
        override?.memoryReservation ??
        container.memoryReservation ??
        override?.memory ??
        container.memory ??
        0,
      gpus: gpusOf(container, overrides),
    };
  });
  const cpu = unitsOf(overrides.cpu ?? definition.cpu, 'vcpu');
  const memory = unitsOf(overrides.memory ?? definition.memory, 'gb');
  return {
    cpuUnits: cpu ?? sum(parts.map(({ cpuUnits }) => cpuUnits)),
    memoryMiB: memory ?? sum(parts.map(({ memoryMiB }) => memoryMiB)),
    gpus: sum(parts.map(({ gpus }) => gpus)),
    hostPorts: definition.containerDefinitions
      .flatMap(({ portMappings }) => portMappings)
      .flatMap(({ hostPort = 0 }) => (hostPort === 0 ? [] : [hostPort])),
  };
}

/** Units or MiB; also `1 vCPU` and `2 GB`. */
function unitsOf(text: string | undefined, large: 'vcpu' | 'gb'): number | undefined {
  if (text === undefined) return undefined;
  const number = Number.parseFloat(text);
  return text.toLowerCase().includes(large) ? number * 1_024 : number;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
