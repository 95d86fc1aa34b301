// Runs in every document before any script of the page: takes down what must not happen.
(() => {
  const seen = [];
  Object.defineProperty(globalThis, "__seen", { value: seen });
  addEventListener("securitypolicyviolation", (event) => {
    seen.push(`CSP report: ${event.effectiveDirective} ${event.blockedURI} ${event.sample}`);
  }, true);
  addEventListener("error", (event) => {
    const { target } = event;
    seen.push(target === globalThis || !target?.tagName
      ? `error: ${event.message}`
      : `didn't load: ${target.tagName} ${target.src ?? target.href}`);
  }, true);
  addEventListener("unhandledrejection", (event) => seen.push(`unhandled rejection: ${event.reason}`), true);
})();
