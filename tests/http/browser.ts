/** A real browser: Debian's Chromium, driven by playwright-core. */

import type { Browser as Chromium, Page } from "playwright-core";
import { toolTest } from "../helpers/tools.ts";

/** How the page is opened. */
export interface Look {
  readonly scheme?: "light" | "dark";
  readonly width?: number;
  readonly height?: number;
}

/** A browser, and what its pages complained of. */
export class Browser implements AsyncDisposable {
  readonly #browser: Chromium;
  /** Errors of scripts, and what the content security policy forbade. */
  readonly complaints: string[] = [];

  private constructor(browser: Chromium) {
    this.#browser = browser;
  }

  static async launch(): Promise<Browser> {
    const executablePath = (Deno.env.get("PATH") ?? "").split(":")
      .map((directory) => `${directory}/chromium`)
      .find(isFile)!;
    // Otherwise it looks for another operating system in /proc, which only `--allow-all` permits.
    Deno.env.set("__IS_WSL_TEST__", "1");
    const { chromium } = await import("playwright-core");
    // Tests run as root in places where Chromium's sandbox does not, with little shared memory and no
    // graphics.
    const args = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"];
    const browser = await chromium.launch({ executablePath, args });
    return new Browser(browser);
  }

  async open(
    url: string,
    { scheme = "light", width = 1280, height = 800 }: Look = {},
  ): Promise<Page> {
    const page = await this.#browser.newPage({ colorScheme: scheme, viewport: { width, height } });
    page.on("pageerror", (error) => this.complaints.push(error.message));
    page.on("console", (message) => {
      const text = message.text();
      // What the service refuses shows as a failed resource; the page says it in its own words.
      if (message.type() === "error" && !text.startsWith("Failed to load resource")) {
        this.complaints.push(text);
      }
    });
    await page.goto(url);
    return page;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
  }
}

/** A test in a real browser; where there is none it is skipped, and says so. */
export function browserTest(name: string, fn: () => Promise<void>): void {
  toolTest(["chromium"], name, fn);
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
