import { appError } from '../errors/index.ts';
import type { App } from '../component/app.ts';
import type { Component } from '../component/component.ts';
import { isWork, withBelow } from '../component/tree.ts';
import { isHardwareName } from '../hardware/catalogue.ts';

/**
 * Looks whether a work attached at run time uses hardware that a deployed app has; warns, or refuses it.
 *
 * Named classes are allowed unless `App({ hardware })` limits them; instance types must be used by a constructed work or listed.
 */
export function hardwareCheck(
  app: App,
  warn: (message: string) => void,
  refuses: boolean,
): (component: Component, name: string) => void {
  const { hardware } = app.options;
  const declared = new Set((hardware ?? []).map(({ name }) => name));
  for (const component of withBelow(app.flow))
    if (isWork(component)) declared.add(component.cloudCompute.name);
  const warned = new Set<string>();
  return (component, name) => {
    if (!isWork(component)) return;
    const used = component.cloudCompute.name;
    if (declared.has(used) || (isHardwareName(used) && hardware === undefined) || warned.has(used))
      return;
    const line = isHardwareName(used)
      ? `new CloudCompute('${used}')`
      : `new CloudCompute({ instanceType: '${used}' })`;
    if (refuses) throw appError('HARDWARE_NOT_DECLARED', { name, used, line }, { at: name });
    warned.add(used);
    warn(
      `${name} uses ${used}, which is not declared: on AWS add new App(root, { hardware: [${line}] })`,
    );
  };
}
