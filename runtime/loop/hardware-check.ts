import { appError } from '../errors/index.ts';
import type { App } from '../component/app.ts';
import type { Component } from '../component/component.ts';
import { isWork, withBelow } from '../component/tree.ts';
import { isHardwareName } from '../hardware/catalogue.ts';
import type { CloudCompute } from '../hardware/cloud-compute.ts';

/**
 * Looks whether a work attached at run time uses hardware that a deployed app has; warns, or refuses it.
 *
 * Named classes are allowed unless `App({ hardware })` limits them; instance types and spot capacity must be used by a
 * constructed work or listed.
 */
export function hardwareCheck(
  app: App,
  warn: (message: string) => void,
  refuses: boolean,
): (component: Component, name: string) => void {
  const { hardware } = app.options;
  const declared = new Set((hardware ?? []).map(lineOf));
  for (const component of withBelow(app.flow))
    if (isWork(component)) declared.add(lineOf(component.cloudCompute));
  const warned = new Set<string>();
  return (component, name) => {
    if (!isWork(component)) return;
    const { cloudCompute } = component;
    const line = lineOf(cloudCompute);
    const isNamed = isHardwareName(cloudCompute.name) && !cloudCompute.interruptible;
    if (declared.has(line) || (isNamed && hardware === undefined) || warned.has(line)) return;
    const used = `${cloudCompute.name}${cloudCompute.interruptible ? ' on spot capacity' : ''}`;
    if (refuses) throw appError('HARDWARE_NOT_DECLARED', { name, used, line }, { at: name });
    warned.add(line);
    warn(
      `${name} uses ${used}, which is not declared: on AWS add new App(root, { hardware: [${line}] })`,
    );
  };
}

/** The line that declares a kind of machine; the same for equal kinds. */
function lineOf({ name, instanceType, interruptible }: CloudCompute): string {
  if (instanceType !== null)
    return `new CloudCompute({ instanceType: '${name}'${interruptible ? ', interruptible: true' : ''} })`;
  return `new CloudCompute('${name}'${interruptible ? ', { interruptible: true }' : ''})`;
}
