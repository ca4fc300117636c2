// Signs in to a deployed stage over SRP, and refreshes the access token before it expires.
//
// The values come from .local/outputs-<stage>.json, which `make deploy` writes. The password never
// leaves this program: SRP proves that the user knows it.

import {
  AuthenticationDetails,
  CognitoUser,
  CognitoUserPool,
  type CognitoUserSession,
} from "amazon-cognito-identity-js";

export interface Person {
  email: string;
  password: string;
  oneTimeCode: () => Promise<string>; // of the authenticator app, if the user has one
}

export class SignIn {
  readonly #user: CognitoUser;
  #session: CognitoUserSession | null = null;

  constructor(pool: { userPoolId: string; clientId: string }, email: string) {
    const users = new CognitoUserPool({ UserPoolId: pool.userPoolId, ClientId: pool.clientId });
    this.#user = new CognitoUser({ Username: email, Pool: users });
  }

  async signIn(person: Person): Promise<void> {
    const details = new AuthenticationDetails({ Username: person.email, Password: person.password });
    this.#session = await new Promise<CognitoUserSession>((resolve, reject) => {
      const callbacks = {
        onSuccess: resolve,
        onFailure: reject,
        totpRequired: () =>
          person.oneTimeCode().then(
            (code) => this.#user.sendMFACode(code, callbacks, "SOFTWARE_TOKEN_MFA"),
            reject,
          ),
      };
      this.#user.authenticateUser(details, callbacks);
    });
  }

  // The access token to send; call it before each request.
  async accessToken(): Promise<string> {
    const session = this.#session;
    if (!session) throw new Error("Sign in first.");
    const left = session.getAccessToken().getExpiration() * 1000 - Date.now();
    if (left > 60_000) return session.getAccessToken().getJwtToken();
    this.#session = await new Promise<CognitoUserSession>((resolve, reject) => {
      this.#user.refreshSession(session.getRefreshToken(), (error, refreshed) =>
        error ? reject(error) : resolve(refreshed),
      );
    });
    return this.#session.getAccessToken().getJwtToken();
  }
}
