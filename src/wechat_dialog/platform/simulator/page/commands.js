// What the page asks the server to do. Its answer is only whether it was taken; what came of it
// is in the events.

import { complain } from "./dialogs.js";
import { spoken, t } from "./strings.js";

/**
 * Ask for a command.
 * @returns the server's answer, or null after a refusal, which the user has been told
 */
export async function ask(command, values = {}) {
  let answer;
  try {
    answer = await fetch(`/do/${command}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(values),
    });
  } catch {
    complain(t("unreachable"));
    return null;
  }
  const body = await answer.json().catch(() => ({}));
  if (answer.ok) return body;
  complain(spoken(body.error, body.error_zh) || t("refused", answer.status));
  return null;
}
