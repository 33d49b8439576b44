// A PIN is good once, for ten minutes, until five wrong ones came.
import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { useFixture } from "../lib/fixture.mjs";
import { ALICE, BRUNO } from "../lib/portal.mjs";

const PIN_TRIES = 5;
const PIN_LIFE_S = 600;
const fixture = useFixture();

function wrong(pin) {
  return String(((Number(pin) - 100000 + 1) % 900000) + 100000);
}

describe("a PIN", () => {
  beforeEach(() => fixture.sandbox.steer("reset", {}));

  // Signed in, before the field for the PIN.
  const asked = (language, use) => fixture.as({ language }, async (portal) => {
    await portal.signIn(ALICE);
    await portal.askForPin(ALICE.phone);
    await use(portal, await portal.readPin());
  });
  const accepted = (portal) => portal.heading(portal.words.connectors).waitFor();
  const says = (portal, text) => portal.page.getByRole("alert").getByText(text).waitFor();

  it("that is wrong, five times", () => asked("en", async (portal, pin) => {
    for (let left = PIN_TRIES - 1; left > 0; left--) {
      await portal.enterPin(wrong(pin));
      await says(portal, portal.words.pinWrong);
      assert.match(await portal.page.getByRole("alert").innerText(), new RegExp(`\\b${left}\\b`));
    }
    await portal.enterPin(wrong(pin));
    await says(portal, portal.words.pinEnded);
    await portal.enterPin(pin); // the right one comes too late
    await says(portal, portal.words.pinEnded);
    await portal.button(portal.words.newPin).click();
    await portal.page.getByRole("alert").waitFor({ state: "detached" });
    await portal.enterPin(await portal.readPin());
    await accepted(portal);
  }));

  it("that is late", () => asked("fr", async (portal, pin) => {
    await fixture.sandbox.steer("clock", { advance_s: PIN_LIFE_S + 1 });
    await portal.enterPin(pin);
    await says(portal, portal.words.pinEnded);
  }));

  it("that was used already", () => asked("en", async (portal, pin) => {
    await portal.enterPin(pin);
    await accepted(portal);
    await portal.open("/portal/phone");
    await portal.askForPin(ALICE.phone);
    assert.notEqual(await portal.readPin(), pin);
    await portal.enterPin(pin);
    await says(portal, portal.words.pinWrong);
  }));

  it("of another number", () => asked("fr", async (portal, pin) => {
    await fixture.as({}, async (other) => {
      await other.signIn(BRUNO);
      await other.askForPin(BRUNO.phone);
      await other.enterPin(pin);
      await says(other, other.words.pinWrong);
    });
    await portal.enterPin(pin);
    await accepted(portal);
  }));
});
