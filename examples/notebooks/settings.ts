/**
 * What differs from machine to machine. It travels with the app, so it also holds where the environment of your shell does
 * not reach: in tasks, on AWS and with `--emulate-aws`.
 */

/** Name or path of the `jupyter` command. Local runs take it from `JUPYTER`, for instance `/home/me/venv/bin/jupyter`. */
export const JUPYTER = process.env['JUPYTER'] ?? 'jupyter';

/** Image with JupyterLab, for tasks on AWS. */
export const IMAGE = 'quay.io/jupyter/minimal-notebook:python-3.12';

/** Where the notebooks are, a folder for each user. @default - `stormkite-notebooks` in the home folder */
export const FOLDER = process.env['NOTEBOOKS_FOLDER'] ?? null;

/** Path below which the app is served, for one that is behind a reverse proxy. */
export const ROOT_PATH = process.env['NOTEBOOKS_ROOT_PATH'] ?? '';

/** `static` or `streamlit` for one of the two pages; both by default, Streamlit's where it is installed. */
export const UI = process.env['NOTEBOOKS_UI'] ?? 'both';
