/** The script of a worker that starts and never serves. */
setInterval(() => {}, 1000);
