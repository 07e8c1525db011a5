/** Changing things, where the configuration allows it. Whatever takes something away asks first. */

import { change, keyPath, messageOf, Refused } from "./api.js";
import { byId, h } from "./dom.js";

/** @import { Version } from "./types.ts" */

/**
 * Opens the dialog; resolves with the form's data, or undefined when it was given up.
 *
 * @param {string} title
 * @param {readonly Node[]} body
 * @param {string} action
 * @returns {Promise<FormData | undefined>}
 */
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

/**
 * Tells that something did not work.
 *
 * @param {unknown} error
 */
async function told(error) {
  await asked("That did not work", [h("p", {}, `${messageOf(error)}.`)], "Close");
}

/**
 * Does something, and tells when it does not work; resolves with whether it did.
 *
 * @param {() => Promise<unknown>} action
 */
async function attempt(action) {
  try {
    await action();
    return true;
  } catch (error) {
    await told(error);
    return false;
  }
}

/**
 * Why `text` is no JSON; empty when it is.
 *
 * @param {string} text
 */
export function jsonFault(text) {
  try {
    JSON.parse(text);
    return "";
  } catch (error) {
    return `This is not JSON: ${messageOf(error)}`;
  }
}

/** @param {string} text */
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

/**
 * What the form has under `name`, as text.
 *
 * @param {FormData} data
 * @param {string} name
 */
const textOf = (data, name) => String(data.get(name) ?? "");

/** @param {FormData} data */
function noteQuery(data) {
  const note = textOf(data, "note").trim();
  return note === "" ? "" : `?note=${encodeURIComponent(note)}`;
}

/**
 * Asks for a new value and writes it, if nobody else did meanwhile.
 *
 * @param {string} scope
 * @param {string} key
 * @param {string} text
 * @param {number} revision
 */
export async function editValue(scope, key, text, revision) {
  const data = await asked(`Edit ${key}`, [jsonField(text), noteField()], "Save");
  if (!data) return;
  const json = textOf(data, "json");
  await attempt(async () => {
    try {
      const path = keyPath(scope, key) + noteQuery(data);
      await change("PUT", path, json, { "if-match": `"${revision}"` });
    } catch (refused) {
      if (!(refused instanceof Refused) || refused.code !== "revision_conflict") throw refused;
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

/**
 * Asks for a key and its value.
 *
 * @param {string} scope
 */
export async function newKey(scope) {
  const name = h("label", {}, "Key", h("input", { name: "key", required: true, maxLength: 1024 }));
  const data = await asked(`New key in ${scope}`, [name, jsonField("null"), noteField()], "Create");
  if (!data) return undefined;
  const key = textOf(data, "key");
  const made = await attempt(() =>
    change("PUT", keyPath(scope, key) + noteQuery(data), textOf(data, "json"), {
      "if-none-match": "*",
    })
  );
  return made ? key : undefined;
}

/**
 * Asks, then deletes a key.
 *
 * @param {string} scope
 * @param {string} key
 * @param {number} revision
 */
export async function deleteKey(scope, key, revision) {
  const text = [
    h("p", {}, "The key ", h("strong", {}, key), " of ", h("strong", {}, scope), " will be gone."),
  ];
  if (!await asked("Delete this key?", text, "Delete", { isDanger: true })) return;
  await attempt(() =>
    change("DELETE", keyPath(scope, key), undefined, { "if-match": `"${revision}"` })
  );
}

/**
 * Asks for the name of a scope, then deletes it with all its keys.
 *
 * @param {string} scope
 * @param {string} keys How many it has, in words.
 */
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
  return await attempt(() => change("DELETE", `/api/v1/scopes/${encodeURIComponent(scope)}`));
}

/**
 * Asks, then writes an earlier version anew.
 *
 * @param {string} scope
 * @param {string} key
 * @param {Version} version
 * @param {number} revision
 */
export async function revert(scope, key, version, revision) {
  const text = [
    h("p", {}, `The value of revision ${version.revision} is written as a new version.`),
  ];
  if (!await asked(`Put back ${key}?`, text, "Put back")) return;
  const json = JSON.stringify({ revision: version.revision, if_revision: revision });
  await attempt(() => change("POST", `${keyPath(scope, key)}/revert`, json));
}
