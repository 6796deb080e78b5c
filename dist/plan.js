require('./index.js').run('plan');
