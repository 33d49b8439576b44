// The portal as a person uses it: by what is written on it.
import { WORDING } from "./wording.mjs";

export const ALICE = { email: "alice@contoso.example", phone: "+33100000001" }; // a tenant admin
export const BRUNO = { email: "bruno@contoso.example", phone: "+33100000002" };
export const SALES = "853654b2-7e1b-4c0e-9f0a-3d0c5f6b2a11"; // a group that both are in
export const PERMISSIONS = 9;

export class Portal {
  /**
   * @param {object} person of browser.mjs
   * @param {Sandbox} sandbox
   */
  constructor(person, sandbox) {
    this.page = person.page;
    this.sandbox = sandbox;
    this.words = WORDING[person.language];
  }

  button(name) {
    return this.page.getByRole("button", { name, exact: true });
  }

  link(name) {
    return this.page.getByRole("main").getByRole("link", { name, exact: true });
  }

  field(name) {
    return this.page.getByLabel(name, { exact: true });
  }

  heading(name) {
    return this.page.getByRole("heading", { name, level: 1, exact: true });
  }

  async menu(name) {
    await this.page.getByRole("navigation", { name: this.words.menu }).getByRole("link", { name, exact: true }).click();
  }

  async open(path = "/") {
    await this.page.goto(this.sandbox.url + path);
  }

  /** A message or an action of Sales, on its own page. */
  async openItem({ referenceId }) {
    await this.open(`/portal/groups/${SALES}/conversation/${referenceId}`);
  }

  async openConversation() {
    await this.open(`/portal/groups/${SALES}/conversation`);
  }

  /** The part of a page that shows a message or an action. */
  item({ referenceId }) {
    return this.page.locator(`#item-${referenceId}`);
  }

  async signIn({ email }) {
    await this.open();
    await this.field(this.words.email).fill(email);
    await this.button(this.words.signIn).click();
    await this.button(this.words.signOut).waitFor();
  }

  async askForPin(phone) {
    await this.field(this.words.enterPhone).fill(phone);
    await this.button(this.words.generatePin).click();
    await this.field(this.words.pin).waitFor();
  }

  /** Looks into the SMS inbox, and comes back. */
  async readPin() {
    await this.link(this.words.inbox).click();
    await this.heading(this.words.inbox).waitFor();
    const text = await this.page.getByRole("main").getByRole("listitem").first().innerText();
    await this.page.goBack();
    return /\b\d{6}\b/.exec(text)[0];
  }

  async enterPin(pin) {
    await this.field(this.words.pin).fill(pin);
    await this.button(this.words.verifyPin).click();
  }

  async addPhone({ phone }) {
    await this.heading(this.words.addPhone).waitFor();
    await this.askForPin(phone);
    await this.enterPin(await this.readPin());
    await this.heading(this.words.connectors).waitFor();
  }

  /** "Add Connector": {id, secret}. */
  async addConnector(name) {
    await this.menu(this.words.connectors);
    await this.link(this.words.addConnector).click();
    await this.field(this.words.name).fill(name);
    await this.button(this.words.continue).click();
    const boxes = this.page.getByRole("checkbox");
    await boxes.first().waitFor();
    for (const box of await boxes.all()) await box.check();
    await this.button(this.words.createConnector).click();
    await this.heading(name).waitFor();
    return {
      id: await this.field(this.words.connectorId).inputValue(),
      secret: await this.field(this.words.secret).inputValue(),
    };
  }

  async openConnector(name) {
    await this.menu(this.words.connectors);
    await this.link(name).click();
    await this.heading(name).waitFor();
  }

  /** On a connector's page: the refresh token. */
  async generateToken() {
    await this.button(this.words.generateToken).click();
    await this.page.getByText(this.words.tokenOnce).waitFor();
    return this.field(this.words.refreshToken).inputValue();
  }

  /** The command that the page shows, as arguments of jeton. */
  async command() {
    const text = await this.page.getByRole("region", { name: this.words.command, exact: true }).innerText();
    const [program, ...args] = text.trim().split(/\s+/);
    if (program !== "jeton") throw new Error(`no command of jeton: ${text}`);
    return args;
  }

  /** On a group's page of connectors: the group's refresh token. */
  async addToGroup(connector) {
    await this.field(this.words.chooseConnector).selectOption({ label: connector });
    await this.button(this.words.addConnector).click();
    await this.page.getByText(this.words.tokenOnce).waitFor();
    return this.field(this.words.refreshToken).inputValue();
  }

  /** Everything up to a refresh token: {name, id, secret, refreshToken}. */
  async obtain(account, name) {
    await this.signIn(account);
    await this.addPhone(account);
    const connector = await this.addConnector(name);
    const refreshToken = await this.generateToken();
    return { name, ...connector, refreshToken };
  }
}

/** The three lines that `jeton connector add` reads. */
export function lines({ id, secret, refreshToken }) {
  return `${id}\n${secret}\n${refreshToken}\n`;
}
