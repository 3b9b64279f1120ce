// Starts the program `stand`: an edge with an emulator behind it and proxies of several kinds.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

export async function startStand(program, settings = []) {
  const child = spawn(program, settings, { stdio: ["pipe", "pipe", "inherit"] });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const line = await Promise.race([
    new Promise((resolve) => createInterface({ input: child.stdout }).once("line", resolve)),
    ended.then((code) => { throw new Error(`the stand ended with ${code}`); }),
  ]);
  const stand = JSON.parse(line);
  return {
    ...stand,
    async token(sub) {
      const answer = await fetch(`${stand.emulator}/token?sub=${sub}`);
      return (await answer.text()).trim();
    },
    async stop() {
      child.stdin.end();
      await ended;
    },
  };
}
