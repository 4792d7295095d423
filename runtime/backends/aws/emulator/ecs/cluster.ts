import type { ContainerInstance } from './container-instance.ts';

export interface StrategyItem {
  readonly capacityProvider: string;
  readonly weight: number;
  readonly base: number;
}

/** A capacity provider over an Auto Scaling group. */
export interface CapacityProvider {
  readonly arn: string;
  readonly name: string;
  /** Name of its Auto Scaling group. */
  readonly group: string;
  readonly managedScaling: {
    readonly status: 'ENABLED' | 'DISABLED';
    readonly targetCapacity: number;
    readonly minimumScalingStepSize: number;
    readonly maximumScalingStepSize: number;
    readonly instanceWarmupPeriod: number;
  };
  readonly managedTerminationProtection: 'ENABLED' | 'DISABLED';
  readonly managedDraining: 'ENABLED' | 'DISABLED';
}

export interface Cluster {
  readonly arn: string;
  readonly name: string;
  status: 'ACTIVE' | 'INACTIVE';
  /** Names; those of Fargate are always known. */
  capacityProviders: readonly string[];
  defaultStrategy: readonly StrategyItem[];
  readonly instances: ContainerInstance[];
}

/** Capacity providers that need no instances. */
export function isFargateProvider(name: string): boolean {
  return name === 'FARGATE' || name === 'FARGATE_SPOT';
}
