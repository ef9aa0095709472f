"use strict";

// Show Execute only after its operation is resolved. If clicked before, Swagger UI waits forever for a request that it never sent.
const executeWhenResolved = () => ({
  wrapComponents: {
    execute: (Execute, { React }) => (props) => props.operation.size ? React.createElement(Execute, props) : null,
  },
});

// The key stays in this page. It is not stored, and it is sent to this API only.
SwaggerUIBundle({
  url: document.getElementById("page").dataset.document,
  domNode: document.getElementById("page"),
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  persistAuthorization: false,
  plugins: [executeWhenResolved],
  tryItOutEnabled: true,
  validatorUrl: null,
});
