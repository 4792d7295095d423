/**
 * What a stack holds beside an app: the construct of an app may stand in a stack of the user's own, which must not be deleted with it.
 *
 * The CDK writes the path of its construct beside each resource; the app's are those below the construct that has its tables.
 */
import { z } from 'zod';
import { outputKeyOf } from '../contract.ts';

const PATH = 'aws:cdk:path';
/** Path of table `State` below the construct of the app. */
const STATE_PATH = '/Tables/State/Resource';
/** What the CDK itself adds to stacks. */
const CDK_METADATA = 'AWS::CDK::Metadata';

const schema = z.object({
  Resources: z.record(
    z.string(),
    z.object({
      Type: z.string(),
      Metadata: z.record(z.string(), z.unknown()).optional(),
    }),
  ),
  Outputs: z.record(z.string(), z.object({ Value: z.unknown() })).optional(),
});
const reference = z.object({ Ref: z.string() });

/**
 * Logical ids of resources that are not the app's, with their types.
 *
 * @param template - text of the stack's template
 */
export function foreignResources(template: string, app: string): string[] {
  const { Resources: resources, Outputs: outputs } = parse(template);
  const table = reference.safeParse(outputs?.[outputKeyOf(app, 'stateTable')]?.Value).data;
  const tablePath = table === undefined ? '' : pathOf(resources[table.Ref]);
  const root = tablePath.endsWith(STATE_PATH) ? tablePath.slice(0, -STATE_PATH.length) : null;
  return Object.entries(resources)
    .filter(([, { Type }]) => Type !== CDK_METADATA)
    .filter(([, resource]) => root === null || !pathOf(resource).startsWith(`${root}/`))
    .map(([id, { Type }]) => `${id} (${Type})`);
}

type Resources = z.infer<typeof schema>['Resources'];

function pathOf(resource: Resources[string] | undefined): string {
  const path = resource?.Metadata?.[PATH];
  return typeof path === 'string' ? path : '';
}

/** A template that is not JSON was not made by the CDK. */
function parse(template: string): z.infer<typeof schema> {
  try {
    return schema.parse(JSON.parse(template));
  } catch {
    return { Resources: { Template: { Type: 'not made by the CDK' } } };
  }
}
