"use strict";

// Execute appears once its operation is resolved. Clicked before, Swagger UI would wait for ever for a request it never sent.
const executeWhenResolved = () => ({
  wrapComponents: {
    execute: (Execute, { React }) => (props) => props.operation.size ? React.createElement(Execute, props) : null,
  },
});

// The key that is entered stays in this page: it is neither stored nor sent anywhere but to this API.
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
