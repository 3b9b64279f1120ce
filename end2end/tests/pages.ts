// Every page of the dashboard, for the tests that look at each.
import type { Workshop } from "./workshop.ts";

export const PUBLIC_PAGES = {
  "the landing page": "/",
  "sign-up": "/sign-up",
  "sign-in": "/sign-in",
  "the confirmation of an address": "/verify?token=none",
  "check your mail": "/check-your-mail",
  "forgotten password": "/forgot-password",
  "a new password": "/reset-password?token=none",
  "the development mailbox": "/dev/mail",
  "a page that is not there": "/no-such-page",
};

export const MEMBER_PAGES: Record<string, (workshop: Workshop) => string> = {
  "the apps": () => "/apps",
  "an app": ({ appPath }) => appPath,
  "the choice of identity providers": ({ appPath }) => `${appPath}/issuers/new`,
  "linking Firebase": ({ appPath }) => `${appPath}/issuers/new?kind=firebase`,
  "linking any OpenID Connect": ({ appPath }) => `${appPath}/issuers/new?kind=oidc`,
  "the choice of APIs": ({ appPath }) => `${appPath}/proxies/new`,
  "adding an OpenAI proxy": ({ appPath }) => `${appPath}/proxies/new?provider=openai`,
  "adding a proxy of any API": ({ appPath }) => `${appPath}/proxies/new?provider=custom`,
  "a proxy": ({ openai }) => openai.path,
  "an app's limits": ({ appPath }) => `${appPath}/limits`,
  "an app's plans": ({ appPath }) => `${appPath}/plans`,
  "an app's users": ({ appPath }) => `${appPath}/users`,
  "App Check": ({ appPath }) => `${appPath}/app-check`,
  "an app's addresses": ({ appPath }) => `${appPath}/addresses`,
  "an app's prices": ({ appPath }) => `${appPath}/prices`,
  "a proxy's limits": ({ limited }) => `${limited.path}/limits`,
  "a proxy's body rules": ({ openai }) => `${openai.path}/bodies`,
  "a new body rule": ({ openai }) => `${openai.path}/bodies/rule`,
  "a proxy's keys": ({ openai }) => `${openai.path}/keys`,
  "a proxy's addresses": ({ openai }) => `${openai.path}/addresses`,
  "a proxy's settings": ({ openai }) => `${openai.path}/settings`,
  "a proxy's usage": ({ openai }) => `${openai.path}/usage`,
  "the usage of a proxy that nobody called": ({ gemini }) => `${gemini.path}/usage?range=month`,
  "the account": () => "/account",
  "somebody else's app": () => "/apps/00000000-0000-4000-8000-000000000000",
};
