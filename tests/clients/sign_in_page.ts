// Signs in on the page of a stage that has one (`signInPrefix`): authorization code with PKCE.
//
// The values come from .local/outputs-<stage>.json. The password never reaches this program. Between
// `begin` and `finish` the browser is elsewhere: keep what `begin` returns in sessionStorage.

import * as oauth from "oauth4webapi";

export interface Page {
  url: string; // SignInPageUrl
  issuer: string; // https://cognito-idp.<region>.amazonaws.com/<UserPoolId>
  clientId: string;
  callback: string; // as the stage's setting `signInCallback` has it
}

export interface Begun {
  goTo: string;
  verifier: string;
  state: string;
}

export interface Tokens {
  accessToken: string;
  refreshToken: string | undefined;
  expiresAt: number; // milliseconds since 1970
}

export class SignInPage {
  readonly #page: Page;
  readonly #server: oauth.AuthorizationServer;
  readonly #client: oauth.Client;

  constructor(page: Page) {
    this.#page = page;
    this.#client = { client_id: page.clientId };
    this.#server = {
      issuer: page.issuer,
      authorization_endpoint: `${page.url}/oauth2/authorize`,
      token_endpoint: `${page.url}/oauth2/token`,
    };
  }

  // Where to send the browser, and what to keep until it is back.
  async begin(): Promise<Begun> {
    const verifier = oauth.generateRandomCodeVerifier();
    const state = oauth.generateRandomState();
    const query = new URLSearchParams({
      response_type: "code",
      client_id: this.#page.clientId,
      redirect_uri: this.#page.callback,
      scope: "quiz/learn",
      state,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
    });
    return { goTo: `${this.#page.url}/oauth2/authorize?${query}`, verifier, state };
  }

  // The tokens, from the address that the browser came back to.
  async finish(address: URL, begun: Begun): Promise<Tokens> {
    const answer = oauth.validateAuthResponse(this.#server, this.#client, address, begun.state);
    const response = await oauth.authorizationCodeGrantRequest(
      this.#server,
      this.#client,
      oauth.None(),
      answer,
      this.#page.callback,
      begun.verifier,
    );
    return tokens(
      await oauth.processAuthorizationCodeResponse(this.#server, this.#client, response),
    );
  }

  // New tokens for an expired one; the refresh token stays.
  async refresh(refreshToken: string): Promise<Tokens> {
    const response = await oauth.refreshTokenGrantRequest(
      this.#server,
      this.#client,
      oauth.None(),
      refreshToken,
    );
    const renewed = await oauth.processRefreshTokenResponse(this.#server, this.#client, response);
    return { ...tokens(renewed), refreshToken };
  }
}

function tokens(answer: oauth.TokenEndpointResponse): Tokens {
  return {
    accessToken: answer.access_token,
    refreshToken: answer.refresh_token,
    expiresAt: Date.now() + 1000 * (answer.expires_in ?? 0),
  };
}
