/** A service whose broker and bus are not there, and what to ask it over HTTP. */

import { Service } from "../../src/service.ts";
import { Plant } from "../service/harness.ts";
import { Events } from "./sse.ts";

/** An answer, read. */
export interface Answer {
  readonly status: number;
  // deno-lint-ignore no-explicit-any
  readonly body: any;
  readonly text: string;
  readonly etag: string | null;
  readonly headers: Headers;
}

/** What to send. */
export interface Asked {
  readonly method?: string;
  /** Sent as JSON to the letter. */
  readonly json?: string;
  readonly headers?: Record<string, string>;
}

/** A service, and its API. */
export class Web implements AsyncDisposable {
  readonly plant: Plant;
  readonly service: Service;

  private constructor(plant: Plant, service: Service) {
    this.plant = plant;
    this.service = service;
  }

  /** @param settings Beside `http.edit`, which is on. */
  static async start(settings: Partial<Record<string, string>> = {}): Promise<Web> {
    const plant = await Plant.make({ "http.edit": "true", ...settings });
    return new Web(plant, await plant.startService());
  }

  get url(): string {
    return this.service.httpUrl;
  }

  /** Asks for `path`; below the API unless it begins with two slashes. */
  async ask(path: string, { method = "GET", json, headers = {} }: Asked = {}): Promise<Answer> {
    const url = path.startsWith("//") ? this.url + path.slice(1) : `${this.url}/api/v1${path}`;
    const type: Record<string, string> = json === undefined
      ? {}
      : { "content-type": "application/json" };
    const response = await fetch(url, {
      method,
      headers: { ...type, ...headers },
      ...(json === undefined ? {} : { body: json }),
    });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.includes("json") && text !== "";
    return {
      status: response.status,
      body: isJson ? JSON.parse(text) : undefined,
      text,
      etag: response.headers.get("etag"),
      headers: response.headers,
    };
  }

  /** Sets a key of scope `s`. */
  set(key: string, json: string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.ask(keyPath("s", key), { method: "PUT", json, headers });
  }

  events(path: string, headers: Record<string, string> = {}): Promise<Events> {
    return Events.open(`${this.url}/api/v1${path}`, headers);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.service[Symbol.asyncDispose]();
    await this.plant[Symbol.asyncDispose]();
  }
}

/** The path of a key below the API. */
export function keyPath(scope: string, key: string): string {
  return `/scopes/${encodeURIComponent(scope)}/keys/${encodeURIComponent(key)}`;
}
