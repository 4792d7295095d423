/** Starts DynamoDB Local, tells where it is, and waits to be killed. */
import { startDynamoDbLocal } from '../../../runtime/backends/aws/emulator/dynamodb-local.ts';

const { endpoint, pid } = await startDynamoDbLocal({ env: process.env, engines: ['java'] });
console.log(JSON.stringify({ endpoint, pid }));
setInterval(() => undefined, 60_000);
