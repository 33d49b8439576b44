// The pages that are looked at: screenshots, accessibility, keyboard. One row a page.
//   name   of its screenshots
//   open   brings the page up; gets the person's page, the sandbox, and what was prepared for all
//   english   true: there is no other language
const REDIRECT = "http://127.0.0.1:8999/done";
const CONNECTOR = "2ab9b820-1d7f-4e6a-b3c4-5f8e9d0a7b16"; // of the demo tenant
const PHONE = "+33100000002";

async function openOauth(page, sandbox) {
  const query = new URLSearchParams({ client_id: CONNECTOR, redirect_uri: REDIRECT, response_type: "code", state: "x" });
  await page.goto(`${sandbox.url}/api/Oauth/Authorize?${query}`);
}

export const pages = [
  { name: "oauth-number", english: true, open: openOauth },
  {
    name: "oauth-pin", english: true,
    async open(page, sandbox) {
      await openOauth(page, sandbox);
      await page.getByLabel("Phone number").fill(PHONE);
      await page.getByRole("button", { name: "Send me a PIN" }).click();
      await page.getByLabel("PIN").waitFor();
    },
  },
  {
    name: "oauth-refused", english: true,
    async open(page, sandbox) {
      await page.goto(`${sandbox.url}/api/Oauth/Authorize?client_id=nobody`);
    },
  },
];
