import type { FastifyInstance } from 'fastify';
import { background } from '../errors/index.ts';
import type { AppControl } from '../loop/control.ts';
import type { AppStatus } from '../protocol/app-status.ts';
import type { Feed } from './feed.ts';
import { HEALTH_PATH } from './guard.ts';
import { parseInput } from './query.ts';

/** What the control does not know of the app. */
export type AppFacts = Pick<AppStatus, 'startedAt' | 'stormkite' | 'mode' | 'info'>;

/** Status, events and end of the app. */
export function addAppRoutes(
  app: FastifyInstance,
  {
    control,
    feed,
    facts,
  }: { readonly control: AppControl; readonly feed: Feed; readonly facts: AppFacts },
  base: string,
): void {
  const status = (): AppStatus => {
    const { name, stage, version } = control;
    const clients = feed.readers;
    return { name, app: name, stage, version, pid: process.pid, clients, ...facts };
  };
  app.get(base + HEALTH_PATH, () => ({ ok: true }));
  app.get(`${base}/status`, status);
  app.post(`${base}/start`, async (_, reply) => {
    await control.start();
    return reply.code(202).send(status());
  });
  app.post(`${base}/pause`, (_, reply) => {
    background(control.pause(), 'pausing the app');
    return reply.code(202).send(status());
  });
  app.post(`${base}/stop`, async (request, reply) => {
    const body = await parseInput((shapes) => shapes.stopSchema, request.body);
    const message = body?.message ?? '';
    background(control.stop(message), 'stopping the app');
    return reply.code(202).send(status());
  });
}

/** What a person sees who opens the address that `run` printed, where the dashboard has not been built. */
export function signpost({ name, stage }: AppControl, base: string): string {
  return `${name} is ${stage}.

GET   ${base}/state         the state document; ${base}/state/vars/… is one place of it
PATCH ${base}/state         changes it by a JSON Patch (RFC 6902)
GET   ${base}/works         works and their statuses
GET   ${base}/works/root.…/logs?follow=1
GET   ${base}/stream        every event as it happens
GET   ${base}/status

In a terminal: stormkite ps, logs, state get, state set.
`;
}
