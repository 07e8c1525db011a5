/** Changing things, where the configuration allows it. Whatever takes something away asks first. */

import { change, keyPath } from "./api.js";
import { byId, h } from "./dom.js";

/** Opens the dialog; resolves with the form's data, or undefined when it was given up. */
function asked(title, body, action, { isDanger = false } = {}) {
  const dialog = byId("dialog");
  const form = h(
    "form",
    { method: "dialog" },
    h("h2", { id: "dialog-title" }, title),
    ...body,
    h(
      "div",
      { className: "actions" },
      h("button", { value: "", formNoValidate: true, autofocus: isDanger }, "Cancel"),
      h("button", { value: "yes", className: isDanger ? "danger" : "primary" }, action),
    ),
  );
  dialog.setAttribute("aria-labelledby", "dialog-title");
  dialog.replaceChildren(form);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      resolve(dialog.returnValue === "yes" ? new FormData(form) : undefined);
    }, { once: true });
  });
}

/** Tells that something did not work. */
async function told(error) {
  await asked("That did not work", [h("p", {}, `${error.message}.`)], "Close");
}

/** Does something, and tells when it does not work. */
async function attempt(action) {
  try {
    return await action();
  } catch (error) {
    return await told(error);
  }
}

/** Why `text` is no JSON; empty when it is. */
export function jsonFault(text) {
  try {
    JSON.parse(text);
    return "";
  } catch (error) {
    return `This is not JSON: ${error.message}`;
  }
}

function jsonField(text) {
  const field = h("textarea", {
    name: "json",
    rows: 12,
    spellcheck: false,
    required: true,
    value: text,
  });
  const check = () => field.setCustomValidity(jsonFault(field.value));
  field.addEventListener("input", check);
  check();
  return h("label", {}, "Value (JSON)", field);
}

const noteField = () => h("label", {}, "Note, why", h("input", { name: "note", maxLength: 200 }));

function noteQuery(data) {
  const note = data.get("note").trim();
  return note === "" ? "" : `?note=${encodeURIComponent(note)}`;
}

/** Asks for a new value and writes it, if nobody else did meanwhile. */
export async function editValue(scope, key, text, revision) {
  const data = await asked(`Edit ${key}`, [jsonField(text), noteField()], "Save");
  if (!data) return;
  const json = data.get("json");
  await attempt(async () => {
    try {
      const path = keyPath(scope, key) + noteQuery(data);
      await change("PUT", path, json, { "if-match": `"${revision}"` });
    } catch (refused) {
      if (refused.code !== "revision_conflict") throw refused;
      const explanation = h(
        "p",
        {},
        `Somebody else changed it while you were editing (now revision ${refused.revision}). ` +
          "Nothing was written. Your text:",
      );
      await asked("Not saved", [explanation, h("pre", {}, json)], "Close");
    }
  });
}

/** Asks for a key and its value. */
export async function newKey(scope) {
  const name = h("label", {}, "Key", h("input", { name: "key", required: true, maxLength: 1024 }));
  const data = await asked(`New key in ${scope}`, [name, jsonField("null"), noteField()], "Create");
  if (!data) return undefined;
  const key = data.get("key");
  const made = await attempt(() =>
    change("PUT", keyPath(scope, key) + noteQuery(data), data.get("json"), { "if-none-match": "*" })
  );
  return made && key;
}

/** Asks, then deletes a key. */
export async function deleteKey(scope, key, revision) {
  const text = [
    h("p", {}, "The key ", h("strong", {}, key), " of ", h("strong", {}, scope), " will be gone."),
  ];
  if (!await asked("Delete this key?", text, "Delete", { isDanger: true })) return;
  await attempt(() =>
    change("DELETE", keyPath(scope, key), undefined, { "if-match": `"${revision}"` })
  );
}

/** Asks for the name of a scope, then deletes it with all its keys. */
export async function deleteScope(scope, keys) {
  const field = h("input", { name: "name", required: true, autocomplete: "off" });
  const check = () =>
    field.setCustomValidity(field.value === scope ? "" : `Type ${scope} to confirm.`);
  field.addEventListener("input", check);
  check();
  const text = [
    h("p", {}, h("strong", {}, scope), ` and its ${keys} will be gone, for everybody, at once.`),
    h("label", {}, `Type the scope's name to confirm`, field),
  ];
  if (!await asked("Delete this scope?", text, "Delete", { isDanger: true })) return false;
  return Boolean(
    await attempt(() => change("DELETE", `/api/v1/scopes/${encodeURIComponent(scope)}`)),
  );
}

/** Asks, then writes an earlier version anew. */
export async function revert(scope, key, version, revision) {
  const text = [
    h("p", {}, `The value of revision ${version.revision} is written as a new version.`),
  ];
  if (!await asked(`Put back ${key}?`, text, "Put back")) return;
  const json = JSON.stringify({ revision: version.revision, if_revision: revision });
  await attempt(() => change("POST", `${keyPath(scope, key)}/revert`, json));
}
