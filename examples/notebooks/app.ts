/**
 * A JupyterLab for everybody who asks for one, on the hardware that they ask for.
 *
 * `jupyterConfigRequests` is edited from outside: by the page in `ui/`, by `streamlit_app.py`, or with `stormkite state set`.
 */
import { fileURLToPath } from 'node:url';
import { App, Dict, Flow, StaticWebFrontend } from 'stormkite';
import { JupyterLabWork } from './jupyter-lab-work.ts';
import { parseRequest, usernameProblem, type JupyterConfigRequest } from './requests.ts';
import { ROOT_PATH, UI } from './settings.ts';
import { streamlitPage } from './streamlit-page.ts';

const page = new StaticWebFrontend(fileURLToPath(new URL('ui', import.meta.url)));
const streamlit = UI === 'static' ? null : streamlitPage();
const pages = [
  ...(UI === 'streamlit' && streamlit !== null ? [] : [{ name: 'Notebooks', content: page }]),
  ...(streamlit === null ? [] : [{ name: 'Streamlit', content: streamlit }]),
];

export { JupyterLabWork };

export class JupyterLabManager extends Flow {
  jupyterWorks = new Dict<JupyterLabWork>();
  jupyterConfigRequests: JupyterConfigRequest[] = [];
  /** Never run. A deployment prepares an image for every work that a constructor makes, and those above are like this one. */
  template = new JupyterLabWork({ username: 'template', useGpu: false });

  run() {
    const given: unknown = this.jupyterConfigRequests;
    const users = new Set<string>();
    this.jupyterConfigRequests = (Array.isArray(given) ? given : []).flatMap((each: unknown) => {
      const request = parseRequest(each);
      if (request === null) {
        console.log('a request without a username is dropped');
        return [];
      }
      const problem = users.has(request.username)
        ? `${request.username} has a notebook already`
        : usernameProblem(request.username);
      users.add(request.username);
      return problem === null ? this.#serve(request) : refuse(request, problem);
    });
  }

  /** Does what is asked for; gives what is left to ask for. */
  #serve(request: JupyterConfigRequest): JupyterConfigRequest[] {
    const { username, useGpu, stop, ready } = request;
    const isNew = ready === undefined;
    const known = this.jupyterWorks[username];
    if (stop) {
      known?.stop();
      return [];
    }
    // It was stopped or deleted elsewhere, for instance in the list of works.
    if (!isNew && (known === undefined || known.hasStopped)) return [];

    const notebook = known?.props.useGpu === useGpu ? known : this.#create(username, useGpu);
    if (isNew && (notebook.hasStopped || notebook.hasFailed)) notebook.start();
    notebook.run();
    if (!isNew && notebook.hasFailed)
      return refuse(request, notebook.problem ?? notebook.status.message ?? 'it failed');

    const token = notebook.url === '' ? null : notebook.token;
    return [{ username, useGpu, stop: false, token, ready: token !== null }];
  }

  /** One on other hardware takes the place of the one that is there. */
  #create(username: string, useGpu: boolean): JupyterLabWork {
    const notebook = new JupyterLabWork({ username, useGpu });
    this.jupyterWorks[username] = notebook;
    return notebook;
  }

  override configureLayout() {
    const open = this.jupyterConfigRequests.filter(({ ready }) => ready === true);
    return [
      ...pages,
      ...open.map(({ username }) => ({ name: username, content: this.jupyterWorks[username] })),
    ];
  }
}

function refuse(
  { username, useGpu, stop }: JupyterConfigRequest,
  problem: string,
): JupyterConfigRequest[] {
  return stop ? [] : [{ username, useGpu, stop, token: null, ready: false, problem }];
}

export default new App(new JupyterLabManager(), {
  rootPath: ROOT_PATH,
  info: { title: 'Notebooks', description: 'A JupyterLab for everybody who asks for one' },
});
