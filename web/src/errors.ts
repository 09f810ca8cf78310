/** What a visitor can understand and do something about, in one line. */
export class UserError extends Error {}

/** The line to show for any error. */
export function lineOf(error: unknown): string {
  if (error instanceof UserError) return error.message;
  const reason = error instanceof Error ? error.message : String(error);
  return `Something went wrong (${reason.split("\n")[0].slice(0, 200)}): load the page again.`;
}
