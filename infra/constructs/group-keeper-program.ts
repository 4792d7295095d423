/**
 * The program of `group-keeper.ts`, in plain JavaScript: CloudFormation takes up to 4,096 characters of a function in a template,
 * and then nothing needs to be uploaded. The Lambda runtime has the SDK.
 */

/** Milliseconds between two looks at a group that goes, and until its deletion is left to CloudFormation. */
const LOOK_MS = 5_000;
const MAX_WAIT_MS = 12 * 60_000;
/** Milliseconds in which a policy that was just made reaches all of AWS. */
const NEW_RIGHTS_MS = 2 * 60_000;

export const GROUP_KEEPER_PROGRAM = String.raw`
const { AutoScalingClient, DeleteAutoScalingGroupCommand, DescribeAutoScalingGroupsCommand, SuspendProcessesCommand } =
  require('@aws-sdk/client-auto-scaling');
const client = new AutoScalingClient({});
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

async function isThere(group) {
  const { AutoScalingGroups } = await client.send(new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: [group] }));
  return AutoScalingGroups.length > 0;
}

async function remove(group) {
  const end = Date.now() + ${MAX_WAIT_MS};
  while (Date.now() < end && (await isThere(group))) {
    try {
      await client.send(new DeleteAutoScalingGroupCommand({ AutoScalingGroupName: group, ForceDelete: true }));
    } catch (error) {
      // It is being deleted already, or a change of it is under way.
      if (!/^(ValidationError|ResourceContention|ScalingActivityInProgress|ResourceInUse)/.test(error.name)) throw error;
    }
    await pause(${LOOK_MS});
  }
}

async function keep(group) {
  const end = Date.now() + ${NEW_RIGHTS_MS};
  for (;;) {
    try {
      return await client.send(new SuspendProcessesCommand({ AutoScalingGroupName: group, ScalingProcesses: ['AZRebalance'] }));
    } catch (error) {
      if (!/^AccessDenied/.test(error.name) || Date.now() > end) throw error;
    }
    await pause(${LOOK_MS});
  }
}

exports.handler = async (event) => {
  const { RequestType, ResourceProperties: { Group }, StackId, RequestId, LogicalResourceId, ResponseURL } = event;
  const answer = { Status: 'SUCCESS', PhysicalResourceId: Group, StackId, RequestId, LogicalResourceId };
  try {
    if (RequestType === 'Delete') await remove(Group);
    else await keep(Group);
  } catch (error) {
    console.error(error);
    answer.Status = 'FAILED';
    answer.Reason = error.name + ': ' + error.message;
  }
  const body = JSON.stringify(answer);
  const response = await fetch(ResponseURL, { method: 'PUT', headers: { 'content-type': '' }, body });
  if (!response.ok) throw new Error('CloudFormation answers ' + response.status);
};
`.trim();
