require('./index.js').run('build-push');
