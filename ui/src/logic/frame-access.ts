/** What the page in a frame may use of the browser. Reading the clipboard tells what a person copied elsewhere, so only the app's own pages may. */
export function frameAccess(url: string, own: string): string {
  const isOwn = new URL(url).origin === own;
  return `${isOwn ? 'clipboard-read; ' : ''}clipboard-write; fullscreen`;
}
