import { describe, expectTypeOf, test } from 'vitest';
import { App, CloudCompute, Dict, Flow, List, Work } from 'stormkite';
import { connect, type AppClient, type SnapshotOf, type StateOf } from 'stormkite/client';
import { useAppState, useConnection } from 'stormkite/client/react';
import type { Json, WorkStatus } from 'stormkite/client';

class Train extends Work<{ lr?: number }> {
  loss: number | null = null;
  readonly kind: 'cpu' | 'gpu' = 'gpu';
  best?: { epoch: number; loss: number };
  _internal = 1;
  #cache = new Map<string, number>();
  protected hidden = 0;
  constructor(props: { lr?: number } = {}) {
    super({ parallel: true, cloudCompute: new CloudCompute('gpu'), ...props });
  }
  run(dataset: string): void {
    this.#cache.set(dataset, this._internal + this.hidden);
  }
  summary(): string {
    return String(this.loss);
  }
}

class Team extends Flow<{ size: number }> {
  members: string[] = [];
  lead = new Train();
  run(): void {}
}

class Root extends Flow {
  train = new Train();
  team = new Team({ size: 1 });
  later?: Train;
  either: Train | Team = new Train();
  extra = new Dict<Train>();
  teams = new Dict<Team>();
  steps = new List<Train>([new Train()]);
  plain = [new Train()];
  record = { a: new Train(), b: new Team({ size: 2 }) };
  requests: { name: string; stop: boolean }[] = [];
  mode: 'fast' | { custom: number } = 'fast';
  limit?: number | null;
  anything: Json = null;
  declare callback: () => void;
  override get ready(): boolean {
    return true;
  }
  run(): void {}
  helper(): number {
    return 1;
  }
}

const app = new App(new Root());
type State = StateOf<typeof app>;

interface TrainState {
  loss: number | null;
  readonly kind: 'cpu' | 'gpu';
  best?: { epoch: number; loss: number };
  readonly status: WorkStatus;
  readonly url: string;
}

describe('the type of a client', () => {
  test('has the fields of works and flows, and nothing else', () => {
    expectTypeOf<State['train']>().branded.toEqualTypeOf<TrainState>();
    expectTypeOf<keyof State['train']>().toEqualTypeOf<
      'loss' | 'kind' | 'best' | 'status' | 'url'
    >();
    expectTypeOf<keyof State['team']>().toEqualTypeOf<'members' | 'lead'>();
    expectTypeOf<keyof State>().toEqualTypeOf<
      | 'train'
      | 'team'
      | 'later'
      | 'either'
      | 'extra'
      | 'teams'
      | 'steps'
      | 'plain'
      | 'record'
      | 'requests'
      | 'mode'
      | 'limit'
      | 'anything'
    >();
  });

  test('keeps the types of values, also unions and optional ones', () => {
    const { state } = {} as AppClient<typeof app>;
    expectTypeOf<State['requests']>().toEqualTypeOf<{ name: string; stop: boolean }[]>();
    expectTypeOf<State['mode']>().toEqualTypeOf<'fast' | { custom: number }>();
    expectTypeOf<State['limit']>().toEqualTypeOf<number | null | undefined>();
    expectTypeOf<State['anything']>().toEqualTypeOf<Json>();
    expectTypeOf<typeof state>().toEqualTypeOf<State>();
  });

  test('a child that may be absent may be absent', () => {
    expectTypeOf<State['later']>().toEqualTypeOf<State['train'] | undefined>();
    expectTypeOf<State['either']>().toEqualTypeOf<State['train'] | State['team']>();
  });

  test('a Dict, a List and what becomes one are records of what is in them', () => {
    expectTypeOf<State['extra'][string]>().toEqualTypeOf<State['train']>();
    expectTypeOf<State['teams'][string]>().toEqualTypeOf<State['team']>();
    expectTypeOf<State['steps'][string]>().toEqualTypeOf<State['train']>();
    expectTypeOf<State['plain'][string]>().toEqualTypeOf<State['train']>();
    expectTypeOf<State['record']['a']>().toEqualTypeOf<State['train']>();
    expectTypeOf<State['record']['b']>().toEqualTypeOf<State['team']>();
    const read = ({ state }: AppClient<typeof app>) => state.extra['ann'];
    expectTypeOf<ReturnType<typeof read>>().toEqualTypeOf<State['train'] | undefined>();
  });

  test('fields are assigned, components and what is read-only are not', () => {
    const write = ({ state }: AppClient<typeof app>): void => {
      state.requests = [{ name: 'ann', stop: false }];
      state.requests.push({ name: 'bob', stop: true });
      state.train.loss = 1;
      state.team.lead.loss = null;
      delete state.limit;
      // @ts-expect-error -- another type
      state.train.loss = 'low';
      // @ts-expect-error -- a component
      state.train = state.team.lead;
      // @ts-expect-error -- told by the app
      state.train.url = '';
      // @ts-expect-error -- a method
      state.train.run('x');
      // @ts-expect-error -- private
      state.train._internal = 2;
      // @ts-expect-error -- members come and go by the flow
      state.extra['x'] = state.train;
      // @ts-expect-error -- no such field
      state.unknown = 1;
    };
    expectTypeOf(write).toBeFunction();
  });

  test('a snapshot is read-only at every depth', () => {
    const wrong = (snapshot: SnapshotOf<typeof app>): void => {
      // @ts-expect-error -- read-only
      snapshot.requests.push({ name: 'x', stop: false });
      // @ts-expect-error -- read-only
      snapshot.train.loss = 1;
    };
    expectTypeOf(wrong).toBeFunction();
    expectTypeOf<SnapshotOf<typeof app>['train']['loss']>().toEqualTypeOf<number | null>();
  });

  test('selectors and hooks have the type of what they select', () => {
    const use = (client: AppClient<typeof app>) => {
      client.subscribe(
        (state) => state.team.members.length,
        (count, before) => {
          expectTypeOf(count).toEqualTypeOf<number>();
          expectTypeOf(before).toEqualTypeOf<number | undefined>();
        },
      );
      client.subscribe('/vars/n', (value) => {
        expectTypeOf(value).toEqualTypeOf<Json | undefined>();
      });
      const loss = useAppState(client, (state) => state.train.loss);
      expectTypeOf(loss).toEqualTypeOf<number | null>();
      expectTypeOf(useAppState(client, '/vars/n')).toEqualTypeOf<Json | undefined>();
      expectTypeOf(useConnection(client).status).toEqualTypeOf<
        'idle' | 'connecting' | 'live' | 'offline' | 'closed'
      >();
    };
    expectTypeOf(use).toBeFunction();
  });

  test('the state of an app that is a work has that work', () => {
    const alone = new App(new Train());
    expectTypeOf<StateOf<typeof alone>['work']['loss']>().toEqualTypeOf<number | null>();
  });

  test('without a type, everything may be there', () => {
    const open = () => connect();
    expectTypeOf<ReturnType<typeof open>['state']>().toEqualTypeOf<Record<string, any>>();
    expectTypeOf<StateOf<App>>().toEqualTypeOf<Record<string, any>>();
  });
});
