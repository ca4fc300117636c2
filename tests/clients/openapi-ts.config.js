// Node runs TypeScript as it is and resolves imports by their real names: ".ts", not ".js".
export default {
  input: "../../docs/openapi.json",
  output: { path: "generated/hey", module: { extension: ".ts" } },
  plugins: ["@hey-api/client-fetch", "@hey-api/typescript", "@hey-api/sdk"],
};
