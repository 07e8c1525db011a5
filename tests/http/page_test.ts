import assert from "node:assert/strict";
import type { Page } from "playwright-core";
import { until } from "../helpers/async.ts";
import { freePort } from "../helpers/ports.ts";
import { Browser, browserTest } from "./browser.ts";
import { keyPath, Web } from "./helpers.ts";

const SCOPE = "org.plantd.Furnace";

/** Sets a key of {@link SCOPE}. */
async function set(web: Web, key: string, json: string, query = ""): Promise<void> {
  const { status, text } = await web.ask(keyPath(SCOPE, key) + query, { method: "PUT", json });
  assert.equal(status, 200, text);
}

/** Resolves when the text of the first element is `text`. */
async function shows(page: Page, selector: string, text: string | RegExp): Promise<void> {
  const isIt = (found: string) => typeof text === "string" ? found === text : text.test(found);
  await until(
    `${selector} shows ${text}`,
    async () => isIt((await page.locator(selector).first().textContent() ?? "").trim()),
  );
}

browserTest(
  "page - a value is found by scope and key, and changes show as they happen",
  async () => {
    await using web = await Web.start();
    await set(web, "temperature", "850.0", "?note=recipe");
    await set(web, "door", '"closed"');
    await using browser = await Browser.launch();
    const page = await browser.open(web.url);
    await page.click(`#scopes a:has-text("${SCOPE}")`);
    await page.click('#keys [role=option]:has-text("temperature")');
    // To the letter, where JavaScript would make 850 of it.
    await shows(page, "#value", "850.0");
    await shows(page, "#detail dl", /HTTP from 127\.0\.0\.1.*recipe/);
    await shows(page, "#link", "Live");
    await set(web, "temperature", "851.50");
    await shows(page, "#value", "851.50");
    await shows(page, '#keys [aria-selected="true"] .value', "851.50");
    // What came before the page did is known, too.
    await shows(page, ".versions", /851\.50.*850\.0/);
    assert.match(await page.locator(".plot svg").getAttribute("aria-label") ?? "", /2 versions/);
    await set(web, "new", "1");
    await shows(page, "#keys-count", "3 keys");
    await web.ask(keyPath(SCOPE, "door"), { method: "DELETE" });
    await shows(page, "#keys-count", "2 keys");
    await shows(page, "#scopes a", /2 keys/);
    assert.deepEqual(browser.complaints, []);
  },
);

browserTest("page - what changed in a value that is no number is shown line by line", async () => {
  await using web = await Web.start();
  await set(web, "recipe", '{"to":600,"hold":30}');
  await set(web, "recipe", '{"to":650,"hold":30}');
  await using browser = await Browser.launch();
  const page = await browser.open(`${web.url}/#/s/${SCOPE}/recipe`, { scheme: "dark" });
  await shows(page, ".diff .gone", /600/);
  await shows(page, ".diff .new", /650/);
  assert.equal(await page.locator(".plot").count(), 0);
});

browserTest("page - markup in names and values is text", async () => {
  await using web = await Web.start();
  const evil = '<img src=x onerror="document.title=1">';
  await set(web, evil, JSON.stringify(evil));
  await using browser = await Browser.launch();
  const page = await browser.open(`${web.url}/#/s/${SCOPE}/${encodeURIComponent(evil)}`);
  await shows(page, "#value", JSON.stringify(evil));
  await shows(page, "#detail-title", evil);
  assert.equal(await page.locator("#main img").count(), 0);
  assert.deepEqual(browser.complaints, []);
});

browserTest("page - 100,000 keys are scrolled and searched, by keyboard too", async () => {
  await using web = await Web.start();
  for (let from = 0; from < 100_000; from += 400) {
    const entries = Object.fromEntries(
      Array.from({ length: 400 }, (_, i) => [`k${String(from + i).padStart(6, "0")}`, from + i]),
    );
    await web.ask(`/scopes/${SCOPE}/entries`, {
      method: "POST",
      json: JSON.stringify({ entries }),
    });
  }
  await using browser = await Browser.launch();
  const page = await browser.open(`${web.url}/#/s/${SCOPE}`);
  await shows(page, "#keys-count", "100,000 keys");
  assert.ok(await page.locator("#keys [role=option]").count() < 100, "only what is seen is there");
  await page.focus("#keys");
  await page.keyboard.press("End");
  await shows(page, "#value", "99999");
  const last = page.locator('#keys [aria-selected="true"]');
  assert.equal(await last.getAttribute("aria-posinset"), "100000");
  assert.equal(await last.getAttribute("aria-setsize"), "100000");
  assert.equal(
    await page.locator("#keys").getAttribute("aria-activedescendant"),
    await last.getAttribute("id"),
  );
  await page.keyboard.press("ArrowUp");
  await shows(page, "#value", "99998");
  await page.keyboard.press("/");
  await page.keyboard.type("04242");
  await shows(page, "#keys-count", "11 of 100,000 keys");
  await page.keyboard.press("Enter");
  await shows(page, "#value", "4242");
  // Live among so many.
  await set(web, "k004242", '"here"');
  await shows(page, "#value", '"here"');
});

browserTest("page - cut off it says so, and catches up with what it missed", async () => {
  // The next service must be where the page looks for it.
  const web = await Web.start({ "health.port": String(freePort()) });
  await set(web, "k", "1");
  await using browser = await Browser.launch();
  const page = await browser.open(`${web.url}/#/s/${SCOPE}/k`);
  await shows(page, "#value", "1");
  await shows(page, "#link", "Live");
  await web.service[Symbol.asyncDispose]();
  await shows(page, "#link", "Stale");
  await shows(page, "#banner", /^Not live: .*as of \d\d:\d\d:\d\d/);
  await shows(page, "#well", "Health unknown");
  {
    await using _service = await web.plant.startService();
    await set(web, "k", "2");
    await shows(page, "#value", "2");
    await shows(page, "#link", "Live");
    assert.equal(await page.locator("#banner").isVisible(), false);
  }
  await web.plant[Symbol.asyncDispose]();
});

browserTest(
  "page - a stream that is slow to open is no alarm, until it takes too long",
  async () => {
    await using web = await Web.start();
    await set(web, "k", "1");
    await using browser = await Browser.launch();
    const page = await browser.open("about:blank");
    const open = Promise.withResolvers<void>();
    await page.route("**/changes*", (route) => open.promise.then(() => route.continue()));
    await page.goto(`${web.url}/#/s/${SCOPE}/k`);
    await shows(page, "#value", "1");
    await shows(page, "#well", /^Trouble/);
    await shows(page, "#link", "Connecting…");
    assert.equal(await page.locator("#banner").isVisible(), false);
    await shows(page, "#banner", /^Not live: .*as of \d\d:\d\d:\d\d/);
    await shows(page, "#link", "Stale");
    open.resolve();
    await shows(page, "#link", "Live");
    assert.equal(await page.locator("#banner").isVisible(), false);
  },
);

browserTest("page - without http.edit nothing to change is offered", async () => {
  const web = await Web.start({ "health.port": String(freePort()) });
  await set(web, "k", "1");
  await web.service[Symbol.asyncDispose]();
  const config = { ...web.plant.config, http: { ...web.plant.config.http, edit: false } };
  const { Service } = await import("../../src/service.ts");
  {
    await using _service = await Service.start(config);
    await using browser = await Browser.launch();
    const page = await browser.open(`${web.url}/#/s/${SCOPE}/k`);
    await shows(page, "#value", "1");
    assert.deepEqual(await page.locator("main button:visible").allTextContents(), ["Copy"]);
  }
  await web.plant[Symbol.asyncDispose]();
});

browserTest(
  "page - edited, not over another's change; deleted only when asked twice; put back",
  async () => {
    await using web = await Web.start();
    await set(web, "k", "1");
    await using browser = await Browser.launch();
    const page = await browser.open(`${web.url}/#/s/${SCOPE}/k`);
    await shows(page, "#value", "1");
    const edit = async (json: string) => {
      await page.click('[data-action="edit"]');
      await page.fill("dialog textarea", json);
    };
    await edit('{"a":');
    await page.click("dialog .primary");
    assert.ok(await page.locator("dialog").isVisible(), "what is no JSON is not sent");
    await page.fill("dialog textarea", '{"a":1.0}');
    await page.fill("dialog input", "by hand");
    await page.click("dialog .primary");
    await shows(page, "#value", /"a": 1\.0/);
    await edit("2");
    await set(web, "k", "3");
    await page.click("dialog .primary");
    await shows(page, "dialog", /Somebody else changed it/);
    await page.keyboard.press("Escape");
    await shows(page, "#value", "3");

    await page.click('.versions li:has-text("by hand") button');
    await page.click("dialog .primary");
    await shows(page, "#value", /"a": 1\.0/);

    await page.click('[data-action="delete"]');
    await page.keyboard.press("Enter");
    assert.equal((await web.ask(keyPath(SCOPE, "k"))).status, 200, "Enter cancels");
    await page.click('[data-action="delete"]');
    await page.click("dialog .danger");
    await shows(page, "#detail .empty", "This key is not there.");
    assert.equal((await web.ask(keyPath(SCOPE, "k"))).status, 404);

    await page.click("#new-key");
    await page.fill('dialog input[name="key"]', "made");
    await page.fill("dialog textarea", "7");
    await page.click("dialog .primary");
    await shows(page, "#value", "7");
    await page.click("#delete-scope");
    await page.click("dialog .danger");
    assert.ok(await page.locator("dialog").isVisible(), "without its name it is not deleted");
    await page.fill("dialog input", SCOPE);
    await page.click("dialog .danger");
    await shows(page, "#scopes", /No scopes/);
    assert.deepEqual(browser.complaints, []);
  },
);

browserTest("page - the bus is accounted for and health is in words", async () => {
  await using web = await Web.start();
  await set(web, "k", "1");
  await using browser = await Browser.launch();
  const page = await browser.open(`${web.url}/#/health`);
  await shows(page, "#health h2", "Trouble: broker, bus");
  await shows(page, "#health", /No broker answers 4 lanes/);
  await using network = await web.plant.startNetwork();
  await using publisher = web.plant.publisher();
  await until("the scope is subscribed", () => publisher.topics.has(SCOPE));
  await publisher.publish(SCOPE, '{"key":"k","value":2}', '{"key":"k"}');
  await shows(page, "#health h2", "All well");
  await page.click('nav a:has-text("Bus")');
  await shows(page, "#bus", /2 updates came: 1 stored, 0 waiting for the disk, 1 rejected/);
  await shows(page, "#bus", /invalid_request.*A field is missing or wrong/);
  assert.ok(network.endpoint);
});

browserTest("page - narrow as a phone it is one pane at a time, with a way back", async () => {
  await using web = await Web.start();
  for (const json of ["850.25", "1"]) await set(web, "k", json);
  await using browser = await Browser.launch();
  const page = await browser.open(web.url, { width: 400, height: 700 });
  await page.click(`#scopes a`);
  await page.click("#keys [role=option]");
  await shows(page, "#value", "1");
  assert.equal(await page.locator("#keys").isVisible(), false);
  const earlier = await page.locator('.versions .value:text("850.25")').boundingBox();
  assert.ok(earlier!.height < 25, "a number of the history is on one line");
  await page.click("#detail-pane .back");
  await page.click("#keys-pane .back");
  assert.ok(await page.locator("#scopes").isVisible());
});

browserTest(
  "page - narrow as a phone, in trouble too, all of the header is to be seen",
  async () => {
    // No broker, no bus: the words about health are at their longest.
    await using web = await Web.start();
    await set(web, "k", "1");
    await using browser = await Browser.launch();
    for (const width of [320, 390, 600, 1280]) {
      const page = await browser.open(`${web.url}/#/s/${SCOPE}/k`, { width, height: 700 });
      await shows(page, "#value", "1");
      await shows(page, "#well", /^Trouble/);
      await shows(page, "#link", "Live");
      for (const name of ["nav", "#well", "#link", "#theme"]) {
        const box = await page.locator(name).boundingBox();
        assert.ok(box && box.x >= 0 && box.x + box.width <= width, `${name} at ${width}`);
      }
      const { scrollWidth } = await page.evaluate(
        "({ scrollWidth: document.body.scrollWidth })",
      ) as {
        scrollWidth: number;
      };
      assert.ok(scrollWidth <= width, `nothing is beside the screen at ${width}`);
      await page.close();
    }
  },
);

browserTest("page - dark or light is kept, and works where nothing may be kept", async () => {
  await using web = await Web.start();
  await set(web, "k", "1");
  await using browser = await Browser.launch();
  const theme = "document.documentElement.dataset.theme";
  const page = await browser.open(web.url, { scheme: "dark" });
  await page.click("#theme");
  await page.reload();
  assert.equal(await page.evaluate(theme), "light");
  const denied = await browser.open("about:blank");
  await denied.addInitScript(
    'Object.defineProperty(window, "localStorage", { get() { throw new Error("denied"); } })',
  );
  await denied.goto(`${web.url}/#/s/${SCOPE}/k`);
  await shows(denied, "#value", "1");
  await denied.click("#theme");
  assert.equal(await denied.evaluate(theme), "dark");
  assert.deepEqual(browser.complaints, []);
});
